"""What ``make_negative.py`` is made of; nothing of the product."""
