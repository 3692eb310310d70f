"""What it takes to run Fengsui beside other services; nothing of the product imports it."""
