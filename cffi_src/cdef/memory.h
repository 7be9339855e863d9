/* memory.c */
void tlsdeck_give_back(void);
