// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, for as long as one likes: processes that share descriptors of
 * /dev/iommu, and devices that do DMA; some of the processes know what must come of
 * it. See "Soak" in Documentation/testing.rst.
 *
 * soak [--seconds N] [--seed N] [--skip ACTION,...]
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ioasid_netlink.h>

#include "access.h"
#include "action.h"
#include "file.h"
#include "inject.h"
#include "iommu.h"
#include "iosim.h"
#include "mem.h"
#include "own.h"
#include "report.h"

/* No step takes so long, not in an emulated machine on a busy host either. */
#define HUNG_SECONDS 150

#define KCSAN "/sys/kernel/debug/kcsan"
#define RCU_STALL "/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout"

/**
 * struct crew - a process
 * @name: of the kind of worker
 * @kind: likewise
 * @threads: how many there are in it
 */
static const struct crew {
	const char *name;
	unsigned int kind;
	unsigned int threads;
} crews[] = {
	{ "checks", CHECKS, 1 },
	{ "checks", CHECKS, 1 },
	{ "checks", CHECKS, 1 },
	{ "checks", CHECKS, 2 },
	{ "chaos", CHAOS, 3 },
	{ "chaos", CHAOS, 1 },
	{ "plugs", PLUGS, 1 },
	{ "kills", KILLS, 1 },
	{ "keeps", KEEPS, 1 },
};

#define NR_CREWS (sizeof(crews) / sizeof(crews[0]))

/**
 * struct start - what there was before
 * @pinned: pages
 * @huge: free huge pages
 * @contexts: open descriptors of /dev/iommu
 */
struct start {
	long pinned;
	long huge;
	int contexts;
};

/* Two pipes: a process tells that it has closed everything; then all go on. */
static int closed[2], go[2];

/* Workers ----------------------------------------------------------------- */

static int worker_open(struct worker *w)
{
	w->fail_nth = w->genl.fd = w->ears.fd = -1;
	w->free_engine = w->loose_fd = -1;
	w->engine.fd = w->engine.irq = w->loose.fd = w->loose.irq = -1;
	random_seed(&w->random, world->seed, w->nr);
	world->logs[w->nr].pid = getpid();
	world->logs[w->nr].tid = gettid();
	world->logs[w->nr].since = world_seconds();
	inject_open(w);
	coverage_open(&w->coverage);
	if (w->kind == CHECKS)
		return own_open(w);
	w->context = world->contexts[NR_CHECKED];
	return w->kind == CHAOS ? arena_open(w, &w->arena) : 0;
}

static void worker_close(struct worker *w)
{
	if (w->kind == CHECKS && own_close(w))
		broken(w, "the end of a worker");
	loose_close(w);
	genl_close(&w->genl);
	genl_close(&w->ears);
	if (w->loose_fd >= 0)
		close(w->loose_fd);
	coverage_take(&w->coverage);
	/* From now on it may take as long as it likes. */
	world->logs[w->nr].since = INT64_MAX;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int rc = worker_open(w);

	if (rc)
		broken(w, "cannot begin: %d", rc);
	while (!world_stopped())
		action_step(w);
	/* After a failure, things are left as they are. */
	if (!world->failed)
		worker_close(w);
	return NULL;
}

/* Nothing is charged to a process any more when all descriptors are closed. */
static int end_of_process(unsigned int nr)
{
	struct worker w = { .nr = nr };
	char byte = 0;
	long pin, lck;

	if (dup3(closed[1], 3, 0) < 0 || dup3(go[0], 4, 0) < 0 ||
	    close_range(5, UINT32_MAX, 0))
		return broken(&w, "close_range: %d", -errno);
	if (write(3, &byte, 1) != 1 || read(4, &byte, 1) != 0)
		return broken(&w, "the end of a process: %d", -errno);
	pin = mem_vm_pin(0);
	lck = mem_vm_lck(0);
	if (pin || lck)
		return broken(&w, "VmPin %ld, VmLck %ld at the end", pin, lck);
	return 0;
}

static void run_crew(const struct crew *crew, unsigned int first)
{
	struct worker *workers = calloc(crew->threads, sizeof(*workers));
	pthread_t threads[MAX_WORKERS];
	unsigned int i;

	for (i = 0; i < crew->threads; i++) {
		workers[i].nr = first + i;
		workers[i].kind = crew->kind;
		workers[i].may_fork = crew->threads == 1;
		if (crew->threads > 1 &&
		    pthread_create(&threads[i], NULL, work, &workers[i]))
			_exit(1);
	}
	if (crew->threads == 1)
		work(workers);
	for (i = 0; i < crew->threads && crew->threads > 1; i++)
		pthread_join(threads[i], NULL);
	_exit(world->failed || end_of_process(first) ? 1 : 0);
}

/* Which workers there will be. */
static void name_workers(void)
{
	unsigned int nr = 0, i, j;

	for (i = 0; i < NR_CREWS; i++)
		for (j = 0; j < crews[i].threads; j++)
			world->logs[nr++].name = crews[i].name;
}

static int start_crews(pid_t *pids)
{
	unsigned int nr = 0, i;

	for (i = 0; i < NR_CREWS; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			return -errno;
		if (!pids[i]) {
			close(closed[0]);
			close(go[1]);
			run_crew(&crews[i], nr);
		}
		nr += crews[i].threads;
	}
	close(closed[1]);
	close(go[0]);
	return 0;
}

/* Watching ---------------------------------------------------------------- */

static bool look_for_hung(void)
{
	int64_t now = world_seconds();
	unsigned int i;

	for (i = 0; i < MAX_WORKERS && world->logs[i].name; i++) {
		int64_t since = world->logs[i].since;

		if (!since || since == INT64_MAX || now - since < HUNG_SECONDS)
			continue;
		report_hung(i);
		return true;
	}
	return false;
}

/* A process that has gone without a word takes the soak with it. */
static bool look_for_dead(pid_t *pids)
{
	unsigned int i;
	int status;

	for (i = 0; i < NR_CREWS; i++) {
		if (!pids[i] || waitpid(pids[i], &status, WNOHANG) != pids[i])
			continue;
		say("# process %d (%s) has ended with 0x%x", pids[i],
		    crews[i].name, status);
		pids[i] = 0;
		world->failed = true;
		return true;
	}
	return false;
}

/* Until all have closed everything. Return: 0; or something is wrong. */
static int watch(pid_t *pids, int64_t end)
{
	struct pollfd done = { .fd = closed[0], .events = POLLIN };
	unsigned int left = NR_CREWS;
	char byte;

	while (left) {
		if (world_seconds() >= end)
			world_stop();
		if (poll(&done, 1, 500) == 1 && read(closed[0], &byte, 1) == 1)
			left--;
		else if (look_for_hung() || look_for_dead(pids))
			return -EIO;
		if (world->failed)
			return -EIO;
	}
	return 0;
}

static bool wait_for_all(pid_t *pids)
{
	unsigned int i;
	int status;
	bool good = true;

	for (i = 0; i < NR_CREWS; i++) {
		if (!pids[i])
			continue;
		if (waitpid(pids[i], &status, 0) != pids[i] || status) {
			say("# process %d (%s) has ended with 0x%x", pids[i],
			    crews[i].name, status);
			good = false;
		}
	}
	return good;
}

/* Before and after -------------------------------------------------------- */

static int count_contexts(void)
{
	struct genl_rows rows;
	int rc = genl_fetch(IOASID_FAMILY_NAME, IOASID_CMD_CONTEXT_GET, &rows) ?:
		 (int)rows.nr;

	genl_free(&rows);
	return rc;
}

static struct start look(void)
{
	return (struct start) {
		.pinned = mem_pinned(),
		.huge = mem_info("HugePages_Free"),
		.contexts = count_contexts(),
	};
}

static unsigned int tests;
static bool all_good = true;

static void verdict(bool good, const char *name)
{
	say("%sok %u %s", good ? "" : "not ", ++tests, name);
	all_good &= good;
}

static void compare(const struct start *before)
{
	struct start after;

	mem_wait_pinned(before->pinned);
	after = look();
	if (after.pinned != before->pinned || after.huge != before->huge ||
	    after.contexts != before->contexts)
		say("# pinned: %ld, %ld; free huge pages: %ld, %ld; contexts: %d, %d",
		    before->pinned, after.pinned, before->huge, after.huge,
		    before->contexts, after.contexts);
	verdict(after.pinned == before->pinned, "no page is pinned any more");
	verdict(after.huge == before->huge, "huge pages are free again");
	verdict(after.contexts == before->contexts, "no context is left");
}

/*
 * A thread of the kernel that is last in line. With so many who compute, and a host that is
 * busy, khugepaged gets a thousandth of a CPU or less, while it has the mmap lock of a
 * process, and RCU waits for it: that looks as if somebody hung.
 */
static void be_rude(const char *name)
{
	char path[64], comm[64];
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	FILE *file;

	while (proc && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(comm, sizeof(comm), file) &&
		    !strncmp(comm, name, strlen(name)))
			setpriority(PRIO_PROCESS, atoi(entry->d_name), 0);
		if (file)
			fclose(file);
	}
	if (proc)
		closedir(proc);
}

static int usage(void)
{
	fputs("usage: soak [--seconds N] [--seed N] [--skip ACTION,...]\n",
	      stderr);
	return 2;
}

static int parse(int argc, char **argv, uint64_t *seed, unsigned int *seconds)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seconds"))
			*seconds = strtoul(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			*seed = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--skip") || action_skip(argv[i + 1]))
			return -EINVAL;
	}
	return i == argc ? 0 : -EINVAL;
}

static int soak(uint64_t seed, unsigned int seconds)
{
	int64_t begin = world_seconds();
	pid_t pids[NR_CREWS];
	int rc;

	name_workers();
	rc = world_open(seed, seconds);
	if (rc || pipe(closed) || pipe(go) || start_crews(pids)) {
		say("# cannot begin: %d, %d", rc, -errno);
		return -EIO;
	}
	rc = watch(pids, begin + seconds);
	if (rc)
		return rc;
	rc = world_close();
	close(go[1]);
	if (!wait_for_all(pids))
		rc = -EIO;
	say("# %lld s, %llu processes killed",
	    (long long)(world_seconds() - begin),
	    (unsigned long long)world->kills);
	return rc;
}

int main(int argc, char **argv)
{
	unsigned int seconds = 60;
	struct start before;
	uint64_t seed = 0;
	int rc;

	if (getrandom(&seed, 4, 0) != 4 || parse(argc, argv, &seed, &seconds))
		return usage();
	say("TAP version 13");
	say("# seed %llu, %u s", (unsigned long long)seed, seconds);
	/* Off until now, where there is it: booting with it takes long. */
	file_write(KCSAN, "on");
	be_rude("khugepaged");
	file_write(RCU_STALL, "200");
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	iosim_load();
	access_module_load();
	if (world == MAP_FAILED || iosim_why_not()) {
		say("not ok 1 %s", iosim_why_not());
		return 1;
	}
	coverage_prepare();
	before = look();
	rc = soak(seed, seconds);
	verdict(!rc && !world->failed, "everything was as it must be");
	verdict(report_rates(seconds) || world->failed, "every action succeeds");
	coverage_tell();
	if (!rc)
		compare(&before);
	if (!access(KCSAN, F_OK))
		say_file(KCSAN);
	say("1..%u", tests);
	/* What has failed may still use the modules. */
	if (rc)
		_exit(1);
	iosim_unload();
	return !all_good;
}
