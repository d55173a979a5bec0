// SPDX-License-Identifier: GPL-2.0-only
/*
 * DPDK's testpmd, unmodified, forwards packets between two network cards that
 * it drives through the VFIO container. The cards are on one hub: what the
 * first sends the second receives, and testpmd lets the first send it again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "line.h"
#include "mem.h"
#include "take.h"

#include "kselftest_harness.h"

#define NIC_VENDOR	0x8086
#define NIC_DEVICE	0x10d3	/* 82574L, QEMU's e1000e */

/* The first burst is 32 packets of each port: they have come round often. */
#define PACKETS		2000

#define TIMEOUT_S	300
#define START_MS	(200 * 1000)

FIXTURE(testpmd)
{
	struct vfio_pci nic[2];
	struct line line;
	pid_t pid;
	long pinned;
};

FIXTURE_VARIANT(testpmd)
{
	const char *container;
};

FIXTURE_VARIANT_ADD(testpmd, iommufd) {
	.container = "../iommu",
};

/* That it is not the test, or the machine, if the other one fails. */
FIXTURE_VARIANT_ADD(testpmd, type1) {
	.container = NULL,
};

FIXTURE_SETUP(testpmd)
{
	ASSERT_EQ(0, take(NIC_VENDOR, NIC_DEVICE, self->nic, 2));
	ASSERT_EQ(0, give_container(variant->container));
	self->pinned = mem_pinned();
	ASSERT_EQ(0, system("dmesg -c >/dev/null"));
}

FIXTURE_TEARDOWN(testpmd)
{
	if (self->pid > 0)
		kill(self->pid, SIGKILL);
	give_container(NULL);
}

static void become_testpmd(FIXTURE_DATA(testpmd) *self, int output)
{
	const char *const argv[] = {
		"dpdk-testpmd", "--in-memory", "--no-telemetry",
		"--iova-mode=va", "-l", "0,1", "-m", "64",
		"-a", self->nic[0].bdf, "-a", self->nic[1].bdf,
		"--", "--total-num-mbufs=4096", "--forward-mode=io",
		"--tx-first", "--stats-period=1", NULL
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(output, 1);
	dup2(output, 2);
	execvp(argv[0], (char **)argv);
	perror(argv[0]);
	_exit(127);
}

static void start(struct __test_metadata *_metadata,
		  FIXTURE_DATA(testpmd) *self)
{
	int ends[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	self->line.fd = ends[0];
	fflush(stdout);
	self->pid = fork();
	if (!self->pid)
		become_testpmd(self, ends[1]);
	close(ends[1]);
	ASSERT_LT(0, self->pid);
}

/*
 * Once a second it says for each port what that has received. What else it has
 * said goes to @log.
 */
static int wait_for_packets(struct line *line, FILE *log, long deadline)
{
	unsigned long packets, received[2] = {};
	unsigned int port = 2;
	char text[512], *at;
	int rc;

	while (!(rc = line_get(line, text, sizeof(text), deadline))) {
		fprintf(log, "# %s\n", text);
		at = strstr(text, "NIC statistics for port ");
		if (at)
			sscanf(at, "NIC statistics for port %u", &port);
		at = strstr(text, "RX-packets:");
		if (!at || port > 1)
			continue;
		if (sscanf(at, "RX-packets: %lu", &packets) == 1)
			received[port] = packets;
		if (received[0] >= PACKETS && received[1] >= PACKETS)
			break;
	}
	return rc;
}

TEST_F_TIMEOUT(testpmd, forwards, TIMEOUT_S)
{
	char *said = NULL;
	size_t length;
	FILE *log = open_memstream(&said, &length);
	int status;

	ASSERT_NE(NULL, log);
	start(_metadata, self);
	EXPECT_EQ(0, wait_for_packets(&self->line, log,
				      line_now_ms() + START_MS)) {
		fclose(log);
		printf("%s", said);
	}
	EXPECT_LT(self->pinned, mem_pinned());

	ASSERT_EQ(0, kill(self->pid, SIGINT));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	self->pid = 0;
	EXPECT_EQ(0, status);
	EXPECT_EQ(self->pinned, mem_wait_pinned(self->pinned));
	EXPECT_NE(0, system("dmesg | grep -E 'DMAR:.*fault|IO_PAGE_FAULT'"));
}

TEST_HARNESS_MAIN
