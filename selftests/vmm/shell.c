// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: shell [ATTRIBUTE=VALUE]...
 *
 * The terminal becomes that of a guest whose IOMMU has first stages, and which has a
 * simulated function behind it, with these attributes besides. When the guest's shell
 * ends, so do the guest and its QEMU.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "iosim.h"
#include "nesting.h"

#define ATTRIBUTES_MAX	1024

static const char guide[] =
	"\n"
	"You are in a guest of an unmodified QEMU. Its kernel has a VT-d with first stages,\n"
	"and behind that, at 0000:01:00.0, a function of the simulator, with a driver:\n"
	"\n"
	"    cd /sys/bus/pci/devices/0000:01:00.0\n"
	"    echo 1 >dma_check       DMA through both stages, and none after dma_unmap_single()\n"
	"    echo 1 >stale_check     what is not invalidated is still reached\n"
	"\n"
	"Ctrl-] opens a shell of the host, where the function is (/sys/kernel/config/iosim/" NESTING_NAME "),\n"
	"and what QEMU has done (/tmp/shell.log); its \"exit\" leads back. The guest's \"exit\" ends\n"
	"the guest, Ctrl-A x all of it.\n\n";

#define ESCAPE	'\x1d'		/* Ctrl-] */

/* What is typed: to the guest's serial port. */
static bool from_terminal(int guest, const struct termios *cooked,
			  const struct termios *raw)
{
	char text[512], *escape;
	ssize_t n = read(STDIN_FILENO, text, sizeof(text));

	if (n <= 0)
		return false;
	escape = memchr(text, ESCAPE, n);
	if (escape)
		n = escape - text;
	if (n && write(guest, text, n) != n)
		return false;
	if (!escape)
		return true;
	tcsetattr(STDIN_FILENO, TCSANOW, cooked);
	printf("\nThe host:\n");
	fflush(stdout);
	if (system("sh -l"))
		printf("The last command has failed.\n");
	printf("The guest again:\n");
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, raw);
	return true;
}

static bool from_guest(int guest)
{
	char text[512];
	ssize_t n = read(guest, text, sizeof(text));

	return n > 0 && write(STDOUT_FILENO, text, n) == n;
}

static void relay(int guest, const struct termios *cooked, const struct termios *raw)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = guest, .events = POLLIN },
	};

	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		if (fds[1].revents && !from_guest(guest))
			return;
		if (fds[0].revents && !from_terminal(guest, cooked, raw))
			return;
	}
}

static void talk(struct vmm *vmm)
{
	struct termios cooked, raw;

	if (tcgetattr(STDIN_FILENO, &cooked)) {
		perror("no terminal");
		return;
	}
	/* As the one that the guest's shell has: Ctrl-C is for it. */
	raw = cooked;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	if (!line_put(&vmm->shell, "stty -F /dev/ttyS1 sane; cd /root; setsid -c sh -l; poweroff -f\n"))
		relay(vmm->shell.fd, &cooked, &raw);
	tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
}

static int start(struct vmm *vmm, const char *attributes)
{
	char bdf[64], answer[1024];
	int rc;

	rc = nesting_create(bdf, sizeof(bdf), attributes);
	if (rc) {
		printf("no function of the simulator: %s\n", strerror(-rc));
		return rc;
	}
	rc = nesting_start(vmm, "shell");
	if (!rc)
		rc = nesting_plug(vmm, bdf);
	if (!rc)
		rc = vmm_run(vmm, answer, sizeof(answer),
			     "mkdir -p /root; insmod /files/iosim-function.ko");
	if (rc) {
		printf("the guest does not start: %d\n", rc);
		vmm_show(vmm);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct vmm vmm = { .shell.fd = -1, .qmp.fd = -1 };
	char attributes[ATTRIBUTES_MAX] = "";
	int i, rc;

	for (i = 1; i < argc; i++) {
		size_t used = strlen(attributes);

		snprintf(attributes + used, sizeof(attributes) - used, " %s",
			 argv[i]);
	}
	iosim_load();
	if (iosim_why_not()) {
		printf("no simulator: %s\n", iosim_why_not());
		return 1;
	}
	rc = start(&vmm, attributes);
	if (!rc) {
		printf("%s", guide);
		fflush(stdout);
		talk(&vmm);
		printf("The guest is gone; this is the host. \"exit\" powers off.\n");
	}
	vmm_kill(&vmm);
	return rc ? 1 : 0;
}
