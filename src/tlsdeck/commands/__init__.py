"""The programs: what each one does, top-down, beside the table of its options."""
