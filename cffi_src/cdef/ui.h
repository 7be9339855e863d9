UI_METHOD *UI_OpenSSL(void);
typedef int pem_password_cb(char *buffer, int size, int writing, void *argument);
UI_METHOD *UI_UTIL_wrap_read_pem_callback(pem_password_cb *callback, int writing);
/* An input method like the library's own, but with our prompts. */
typedef ... UI;
typedef ... UI_STRING;
UI_METHOD *UI_create_method(const char *name);
int UI_method_set_opener(UI_METHOD *method, int (*opener)(UI *ui));
int UI_method_set_writer(UI_METHOD *method, int (*writer)(UI *ui, UI_STRING *string));
int UI_method_set_reader(UI_METHOD *method, int (*reader)(UI *ui, UI_STRING *string));
int UI_method_set_closer(UI_METHOD *method, int (*closer)(UI *ui));
int UI_method_set_prompt_constructor(UI_METHOD *method, char *(*constructor)(UI *ui, const char *what,
                                                                            const char *name));
int (*UI_method_get_opener(const UI_METHOD *method))(UI *ui);
int (*UI_method_get_writer(const UI_METHOD *method))(UI *ui, UI_STRING *string);
int (*UI_method_get_reader(const UI_METHOD *method))(UI *ui, UI_STRING *string);
int (*UI_method_get_closer(const UI_METHOD *method))(UI *ui);
char *UI_construct_prompt(UI *ui, const char *what, const char *name);
void *UI_get0_user_data(UI *ui);
void UI_destroy_method(UI_METHOD *method);
