// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm.h"

/*
 * An emulated CPU on an emulated CPU: booting takes a minute and a half, and
 * much more on a busy host.
 */
#define BOOT_MS		(1800 * 1000)
#define ANSWER_MS	(600 * 1000)
#define ASK_AGAIN_MS	500

#define ARGS_MAX	64

/* Read up to the line "=> NUMBER" of the guest's shell. */
static int shell_result(struct vmm *vmm, char *answer, size_t size,
			int timeout_ms)
{
	long deadline = line_now_ms() + timeout_ms;
	size_t used = 0;
	char text[1024];
	int status, rc;

	if (size)
		answer[0] = '\0';
	while (!(rc = line_get(&vmm->shell, text, sizeof(text), deadline))) {
		if (sscanf(text, "=> %d", &status) == 1)
			return status;
		if (used < size)
			used += snprintf(answer + used, size - used, "%s%s",
					 used ? "\n" : "", text);
	}
	return rc;
}

static int qmp_wait(struct vmm *vmm, const char *what, long deadline)
{
	char text[4096];
	int rc;

	while (!(rc = line_get(&vmm->qmp, text, sizeof(text), deadline))) {
		if (strstr(text, what))
			return 0;
		if (strstr(text, "{\"error\"")) {
			printf("# QMP: %s\n", text);
			return -EIO;
		}
	}
	return rc;
}

/*
 * In the child, which becomes QEMU. While the guest's CPU works its clock goes
 * by instructions: on a busy host it would be late for every tick otherwise,
 * and do nothing but to tick.
 */
static void become_qemu(struct vmm *vmm, const char *const *args,
			const char *append, int shell, int qmp)
{
	const char *argv[ARGS_MAX] = {
		"qemu-system-x86_64", "-nodefaults", "-display", "none",
		"-no-reboot", "-accel", "tcg", "-icount", "shift=0",
		"-m", "256", "-smp", "1",
		"-cpu", "qemu64", "-kernel", "/files/vmlinux",
		"-initrd", "/files/initramfs", "-trace", "iommufd_*",
		"-mon", "chardev=qmp,mode=control",
		"-serial", "chardev:console", "-serial", "chardev:shell",
	};
	char console[128], sockets[2][64], kernel[512];
	int log = open(vmm->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int n = 0;

	snprintf(console, sizeof(console), "file,id=console,path=%s",
		 vmm->console);
	snprintf(sockets[0], sizeof(sockets[0]), "socket,id=shell,fd=%d",
		 shell);
	snprintf(sockets[1], sizeof(sockets[1]), "socket,id=qmp,fd=%d", qmp);
	snprintf(kernel, sizeof(kernel),
		 "console=ttyS0 quiet panic=-1 tsc=unstable no_timer_check nokaslr mitigations=off rodata=off cryptomgr.notests %s",
		 append);
	while (argv[n])
		n++;
	argv[n++] = "-chardev";
	argv[n++] = console;
	argv[n++] = "-chardev";
	argv[n++] = sockets[0];
	argv[n++] = "-chardev";
	argv[n++] = sockets[1];
	argv[n++] = "-append";
	argv[n++] = kernel;
	while (*args && n < ARGS_MAX - 1)
		argv[n++] = *args++;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(log, 1);
	dup2(log, 2);
	execvp(argv[0], (char **)argv);
	perror(argv[0]);
	_exit(127);
}

/**
 * vmm_start() - start QEMU, and wait until it runs its guest
 * @vmm: filled; to be given to vmm_kill() in any case
 * @name: of the logs
 * @args: arguments of QEMU, with a NULL behind them: machine, devices
 * @append: more of the guest kernel's command line
 */
int vmm_start(struct vmm *vmm, const char *name,
		const char *const *args, const char *append)
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC;
	int shell[2], qmp[2], rc;

	memset(vmm, 0, sizeof(*vmm));
	snprintf(vmm->log, sizeof(vmm->log), "/tmp/%s.log", name);
	snprintf(vmm->console, sizeof(vmm->console), "/tmp/%s.console",
		 name);
	if (socketpair(AF_UNIX, type, 0, shell) ||
	    socketpair(AF_UNIX, type, 0, qmp))
		return -errno;
	vmm->shell.fd = shell[0];
	vmm->qmp.fd = qmp[0];

	fflush(stdout);
	vmm->pid = fork();
	if (!vmm->pid) {
		fcntl(shell[1], F_SETFD, 0);
		fcntl(qmp[1], F_SETFD, 0);
		become_qemu(vmm, args, append, shell[1], qmp[1]);
	}
	close(shell[1]);
	close(qmp[1]);
	if (vmm->pid < 0)
		return -errno;

	rc = qmp_wait(vmm, "{\"QMP\"", line_now_ms() + ANSWER_MS);
	if (!rc)
		rc = vmm_qmp(vmm, "{\"execute\": \"qmp_capabilities\"}");
	return rc;
}

/**
 * vmm_wait() - wait until the guest takes commands
 * @vmm: from vmm_start()
 */
int vmm_wait(struct vmm *vmm)
{
	return shell_result(vmm, NULL, 0, BOOT_MS);
}

/**
 * vmm_wait_restored() - wait until a guest that has been saved goes on
 * @vmm: from vmm_start(), with -incoming
 *
 * What it is told before is lost.
 */
int vmm_wait_restored(struct vmm *vmm)
{
	long deadline = line_now_ms() + ANSWER_MS;
	int rc = -ETIMEDOUT;

	while (rc == -ETIMEDOUT && line_now_ms() < deadline) {
		rc = line_put(&vmm->qmp, "{\"execute\": \"query-status\"}");
		if (!rc)
			rc = qmp_wait(vmm, "\"running\": true",
				      line_now_ms() + ASK_AGAIN_MS);
	}
	return rc;
}

/**
 * vmm_run() - let the guest's shell evaluate a line
 * @vmm: the guest
 * @answer: set to what it prints, without the last newline
 * @size: of @answer
 * @format: the line, as of printf()
 *
 * Return: the exit status, or a negative errno.
 */
int vmm_run(struct vmm *vmm, char *answer, size_t size,
	      const char *format, ...)
{
	char text[1024];
	va_list args;
	int rc;

	va_start(args, format);
	vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	strcat(text, "\n");
	rc = line_put(&vmm->shell, text);
	return rc ?: shell_result(vmm, answer, size, ANSWER_MS);
}

/**
 * vmm_qmp() - give a command to QEMU's monitor
 * @vmm: the guest
 * @command: in JSON
 *
 * Return: 0, -EIO if QEMU refuses (its words are printed), or as others.
 */
int vmm_qmp(struct vmm *vmm, const char *command)
{
	int rc = line_put(&vmm->qmp, command);

	return rc ?: qmp_wait(vmm, "{\"return\"", line_now_ms() + ANSWER_MS);
}

/**
 * vmm_unplug() - ask the guest for a device, and wait until it is gone
 * @vmm: the guest
 * @id: the device's, as QEMU calls it
 */
int vmm_unplug(struct vmm *vmm, const char *id)
{
	char command[128];
	int rc;

	snprintf(command, sizeof(command),
		 "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"%s\"}}",
		 id);
	rc = vmm_qmp(vmm, command);
	return rc ?: qmp_wait(vmm, "\"DEVICE_DELETED\"",
			      line_now_ms() + ANSWER_MS);
}

/**
 * vmm_said() - has QEMU said this?
 * @vmm: the guest
 * @what: what a line of its log has in it
 * @and_what: and this behind it, or NULL
 */
bool vmm_said(const struct vmm *vmm, const char *what,
		const char *and_what)
{
	FILE *log = fopen(vmm->log, "r");
	bool found = false;
	char text[1024];
	char *at;

	while (log && !found && fgets(text, sizeof(text), log)) {
		at = strstr(text, what);
		found = at && (!and_what || strstr(at, and_what));
	}
	if (log)
		fclose(log);
	return found;
}

/**
 * vmm_open_files() - how many files QEMU has open
 * @vmm: the guest
 * @path: whose names begin like this
 */
int vmm_open_files(const struct vmm *vmm, const char *path)
{
	char dir[64], target[256];
	struct dirent *entry;
	int count = 0;
	ssize_t n;
	DIR *fds;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", vmm->pid);
	fds = opendir(dir);
	while (fds && (entry = readdir(fds))) {
		n = readlinkat(dirfd(fds), entry->d_name, target,
			       sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		count += !strncmp(target, path, strlen(path));
	}
	if (fds)
		closedir(fds);
	return count;
}

/**
 * vmm_power_off() - let the guest switch itself off
 * @vmm: the guest
 *
 * Return: QEMU's exit status, or a negative errno.
 */
int vmm_power_off(struct vmm *vmm)
{
	char text[64];
	int rc, status;

	rc = vmm_run(vmm, text, sizeof(text), "poweroff -f");
	if (rc != -EPIPE)	/* it has no time to answer */
		return rc < 0 ? rc : -EIO;
	if (waitpid(vmm->pid, &status, 0) != vmm->pid)
		return -errno;
	vmm->pid = 0;
	return status;
}

/**
 * vmm_kill() - end QEMU, whatever it does, if it is there
 * @vmm: the guest
 */
void vmm_kill(struct vmm *vmm)
{
	if (vmm->pid > 0) {
		kill(vmm->pid, SIGKILL);
		waitpid(vmm->pid, NULL, 0);
		vmm->pid = 0;
	}
	close(vmm->shell.fd);
	close(vmm->qmp.fd);
}

static void show_tail(const char *path)
{
	char command[128];

	printf("# the end of %s:\n", path);
	fflush(stdout);
	snprintf(command, sizeof(command), "tail -n 30 %s | sed 's/^/# /'",
		 path);
	if (system(command))
		printf("# not there\n");
}

/**
 * vmm_show() - print the ends of the logs
 * @vmm: the guest
 */
void vmm_show(const struct vmm *vmm)
{
	show_tail(vmm->log);
	show_tail(vmm->console);
}
