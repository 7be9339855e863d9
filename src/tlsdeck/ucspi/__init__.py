"""A super-server in the UCSPI tradition: who calls, who may call, and what runs for whom."""
