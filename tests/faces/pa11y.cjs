// Lets pa11y (HTML CodeSniffer, WCAG2AA) look at many pages with one browser.
// Reads {tools, executable, flags, cookie, pages} on its input, prints one line of JSON a page: [address, errors].
const {createRequire} = require("node:module");
const {readFileSync} = require("node:fs");

const asked = JSON.parse(readFileSync(0, "utf8"));
const load = createRequire(`${asked.tools}/`);
const pa11y = load("pa11y");
const puppeteer = load("puppeteer");

const settings = {standard: "WCAG2AA", timeout: 60_000, headers: asked.cookie ? {Cookie: asked.cookie} : {}};

// One a core: what is measured is the page, not how long it takes.
const AT_ONCE = 2;

async function look(browser, addresses) {
  for (let address; (address = addresses.shift()); ) {
    const found = await pa11y(address, {...settings, browser});
    // Where a sign-in is asked for instead, nothing of the page was seen.
    const moved = new URL(found.pageUrl).pathname === new URL(address).pathname ? [] : [`came to ${found.pageUrl}`];
    const errors = found.issues.map((issue) => `${issue.code} ${issue.selector}: ${issue.message}`);
    console.log(JSON.stringify([address, errors.concat(moved)]));
  }
}

async function main() {
  const browser = await puppeteer.launch({executablePath: asked.executable, args: asked.flags});
  const addresses = [...asked.pages];
  try {
    await Promise.all(Array.from({length: AT_ONCE}, () => look(browser, addresses)));
  } finally {
    await browser.close();
  }
}

main();
