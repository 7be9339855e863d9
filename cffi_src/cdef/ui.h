UI_METHOD *UI_OpenSSL(void);
typedef int pem_password_cb(char *buffer, int size, int writing, void *argument);
UI_METHOD *UI_UTIL_wrap_read_pem_callback(pem_password_cb *callback, int writing);
void UI_destroy_method(UI_METHOD *method);
