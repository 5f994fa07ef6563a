// Verifies what stands on standard input with the npm package, and prints the event's type, or why it was refused.
const { Webhook } = require("standardwebhooks");

let text = "";
process.stdin.on("data", (chunk) => { text += chunk; });
process.stdin.on("end", () => {
  const { secret, headers, body } = JSON.parse(text);
  try {
    console.log(JSON.stringify({ type: new Webhook(secret).verify(body, headers).type }));
  } catch (error) {
    console.log(JSON.stringify({ refused: error.message }));
  }
});
