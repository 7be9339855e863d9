int RAND_load_file(const char *file, long max_bytes);
int RAND_write_file(const char *file);
