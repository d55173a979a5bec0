/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest in the guest: an unmodified QEMU that runs where the tests run, and
 * in it Debian's kernel with the initramfs of make-initramfs, which evaluates
 * shell commands.
 *
 * Calls that can fail return a negative errno; -ETIMEDOUT: the answer did not
 * come in time, -EPIPE: QEMU is gone.
 */
#ifndef SELFTESTS_VMM_H
#define SELFTESTS_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "line.h"

/**
 * struct vmm - a running QEMU
 * @pid: its process, 0 if there is none
 * @shell: the guest's serial port
 * @qmp: QEMU's monitor
 * @log: the file with what QEMU says, traces of the iommufd commands included
 * @console: the file with the guest's kernel log
 */
struct vmm {
	pid_t pid;
	struct line shell;
	struct line qmp;
	char log[64];
	char console[64];
};

int vmm_start(struct vmm *vmm, const char *name,
		const char *const *args, const char *append);
int vmm_wait(struct vmm *vmm);
int vmm_wait_restored(struct vmm *vmm);
int vmm_run(struct vmm *vmm, char *answer, size_t size,
	      const char *format, ...) __attribute__((format(printf, 4, 5)));
int vmm_qmp(struct vmm *vmm, const char *command);
int vmm_unplug(struct vmm *vmm, const char *id);
bool vmm_said(const struct vmm *vmm, const char *what,
		const char *and_what);
int vmm_open_files(const struct vmm *vmm, const char *path);
int vmm_power_off(struct vmm *vmm);
void vmm_kill(struct vmm *vmm);
void vmm_show(const struct vmm *vmm);

/* A test's: a command of the guest's shell that must succeed. @self has vmm and answer. */
#define RUN(...) do {							\
	int _rc = vmm_run(&self->vmm, self->answer,			\
			    sizeof(self->answer), __VA_ARGS__);		\
									\
	EXPECT_EQ(0, _rc) {						\
		TH_LOG("%s", self->answer);				\
	}								\
} while (0)

#endif
