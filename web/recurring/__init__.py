"""Products, prices and subscriptions: what is sold, who has it, what comes next."""
