/* Starts a program: see spawn.c. Strings stand one behind the other, each with its NUL. */
int tlsdeck_spawn(const char *paths, int path_count, const char *words, int word_count, const char *environment,
                  int variable_count, const int *sources, const int *targets, int descriptors, unsigned uid,
                  unsigned gid);
