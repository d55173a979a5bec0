// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "iommu.h"
#include "mem.h"

/* More allocations than any command makes: the walk has lost its way. */
#define WALK_MAX 2000

/* Injection -------------------------------------------------------------- */

/* Let GFP_KERNEL allocations fail too, of any size, without a word. */
static int inject_setup(void)
{
	static const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};
	char path[96];
	size_t i;
	int rc;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 settings[i][0]);
		rc = file_write(path, settings[i][1]);
		if (rc)
			return rc;
	}
	return 0;
}

/* From now on the @nth allocation of this thread fails; 0: none does. */
static int inject(int fail_nth, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fail_nth, text, length, 0) == length ? 0 : -errno;
}

/* Returns how many allocations were still to come: 0, one has failed. */
static int inject_end(int fail_nth)
{
	char text[16] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0)
		return -errno;
	inject(fail_nth, 0);
	return atoi(text);
}

/**
 * walk_open() - get ready
 * @walk: filled, without an fd of /dev/iommu: the caller sets it
 *
 * Return: 0; -ENOENT if this kernel has no fault injection; or another negative
 * errno.
 */
int walk_open(struct walk *walk)
{
	*walk = (struct walk) { .fd = -1 };
	walk->fail_nth = open("/proc/thread-self/fail-nth",
			      O_RDWR | O_CLOEXEC);
	if (walk->fail_nth < 0)
		return -errno;
	return inject_setup();
}

/* The walk --------------------------------------------------------------- */

static uint32_t next_id(const struct walk *walk)
{
	uint32_t id = 0;

	if (walk->fd >= 0 && !iommu_ioas_alloc(walk->fd, &id))
		iommu_destroy(walk->fd, id);
	return id;
}

static int next_fd(const struct walk *walk)
{
	int fd = dup(walk->fail_nth);

	close(fd);
	return fd;
}

static int complain(const char *what, unsigned int nth, long value)
{
	printf("# allocation %u fails: %s (%ld)\n", nth, what, value);
	fflush(stdout);
	return -1;
}

/* Is all as it was before the command? */
static int check_ground(const struct walk *walk, unsigned int nth)
{
	long pinned = mem_wait_pinned(walk->pinned);
	uint32_t id = next_id(walk);
	int fd = next_fd(walk);

	if (pinned != walk->pinned)
		return complain("pages left pinned", nth,
				pinned - walk->pinned);
	if (id != walk->free_id)
		return complain("an ID is lost", nth, id);
	if (fd != walk->free_fd)
		return complain("a file descriptor is lost", nth, fd);
	return 0;
}

static int walk_once(const struct walk *walk, struct ground *ground,
		     const struct step *step, unsigned int nth, bool *injected)
{
	int rc, left;

	if (step->prepare && (rc = step->prepare(ground)))
		return complain("prepare", nth, rc);
	inject(walk->fail_nth, nth);
	rc = step->command(ground);
	left = inject_end(walk->fail_nth);
	if (left < 0)
		return complain("cannot read fail-nth", nth, left);
	*injected = !left;
	if (rc && !*injected)
		return complain("failed without a reason", nth, rc);
	if (rc && rc != -ENOMEM && rc != step->also)
		return complain("not ENOMEM", nth, rc);
	if (rc && step->never_fails)
		return complain("this may not fail", nth, rc);
	/* Failed: then it works when given again, with all memory there is */
	if (rc && !step->never_fails) {
		if (!step->prepare && check_ground(walk, nth))
			return -1;
		rc = step->command(ground);
		if (rc)
			return complain("failed once more", nth, rc);
	}
	if (step->undo && (rc = step->undo(ground)))
		return complain("undo", nth, rc);
	return check_ground(walk, nth);
}

/**
 * walk_run() - walk through all allocations of a command
 * @walk: from walk_open()
 * @ground: given to the functions of @step
 * @step: the command
 *
 * Return: how many allocations were made to fail, or -1 after a complaint.
 */
int walk_run(struct walk *walk, struct ground *ground, const struct step *step)
{
	bool injected = true;
	unsigned int nth;

	walk->pinned = mem_pinned();
	walk->free_id = next_id(walk);
	walk->free_fd = next_fd(walk);
	for (nth = 1; nth <= WALK_MAX; nth++) {
		if (walk_once(walk, ground, step, nth, &injected))
			return -1;
		if (!injected)
			return nth - 1;
		if (nth == step->last)
			return nth;
	}
	return complain("there is no end to it", nth, 0);
}
