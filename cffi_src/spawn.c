/* Starts a program without copying this process first.
 *
 * fork(2) copies an interpreter's page tables, and each page again that either side touches; vfork(2) lends all of it
 * to the child until it calls execve(2), while the parent stands still. So between the two the child makes system
 * calls only, and changes no memory but its own frame and `failure`. The C library's setuid(3) and its kin would tell
 * the other threads of a process: here they are the bare system calls. Signals are blocked around it, or a handler of
 * the parent's could run in the child. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct program {
    char **paths, **words, **environment;
    const int *sources, *targets;
    int descriptors;
    unsigned uid, gid; /* 0: as they are */
};

/* What an interpreter or a server may have set otherwise. */
static const int reset_signals[] = { SIGPIPE, SIGXFSZ, SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1 };

enum { FREE_DESCRIPTOR = 8 }; /* above all targets */

static int take_identity(const struct program *program)
{
    if (program->gid && (syscall(SYS_setgroups, 1, &program->gid) || syscall(SYS_setgid, program->gid)))
        return -1;
    return program->uid ? (int)syscall(SYS_setuid, program->uid) : 0;
}

/* All are moved out of the way first: one's target may be another's source. */
static int take_descriptors(const struct program *program)
{
    int moved[FREE_DESCRIPTOR];

    for (int i = 0; i < program->descriptors; i++)
        if ((moved[i] = fcntl(program->sources[i], F_DUPFD_CLOEXEC, FREE_DESCRIPTOR)) < 0) {
            errno = EMFILE; /* EINVAL when there may not be so many */
            return -1;
        }
    for (int i = 0; i < program->descriptors; i++)
        if (dup2(moved[i], program->targets[i]) < 0)
            return -1;
    return 0;
}

static void take_signals(void)
{
    struct sigaction standard = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (size_t i = 0; i < sizeof reset_signals / sizeof *reset_signals; i++)
        sigaction(reset_signals[i], &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Becomes the first program that there is; errno says why it did not. */
static int take_place(const struct program *program)
{
    int reason = ENOENT;

    for (char **path = program->paths; *path; path++) {
        execve(*path, program->words, program->environment);
        if (errno != ENOENT && errno != ENOTDIR)
            reason = errno;
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            break;
    }
    return reason;
}

static int become(const struct program *program)
{
    if (take_descriptors(program) < 0 || take_identity(program) < 0)
        return errno;
    take_signals();
    return take_place(program);
}

/* Pointers to `count` strings that stand one behind the other. */
static char **each_string(const char *strings, int count)
{
    char **list = malloc((count + 1) * sizeof *list);

    for (int i = 0; list && i < count; i++, strings += strlen(strings) + 1)
        list[i] = (char *)strings;
    if (list)
        list[count] = NULL;
    return list;
}

static int start(const struct program *program)
{
    volatile int failure = 0;
    sigset_t all, before;
    pid_t child;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    child = vfork();
    if (child == 0) {
        failure = become(program);
        _exit(111);
    }
    if (child < 0)
        failure = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (failure && child > 0)
        waitpid(child, NULL, 0);
    return failure ? -failure : child;
}

/* The process's number, or an errno below zero. */
static int tlsdeck_spawn(const char *paths, int path_count, const char *words, int word_count,
                         const char *environment, int variable_count,
                         const int *sources, const int *targets, int descriptors, unsigned uid, unsigned gid)
{
    struct program program = {
        each_string(paths, path_count), each_string(words, word_count), each_string(environment, variable_count),
        sources, targets, descriptors, uid, gid,
    };
    int result = -ENOMEM;

    if (descriptors <= FREE_DESCRIPTOR && program.paths && program.words && program.environment)
        result = start(&program);
    free(program.paths);
    free(program.words);
    free(program.environment);
    return result;
}
