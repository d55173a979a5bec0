/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which kernel is meant: what Linux does with ACS and with peer-to-peer has changed.
 */
#ifndef IOASID_KERNEL_H
#define IOASID_KERNEL_H

#include <stdbool.h>

/* Like LINUX_VERSION_CODE, with room for what stable kernels count up to. */
#define KERNEL(version, patchlevel) ((version) << 24 | (patchlevel) << 16)

/* The kernel whose rules are shown where no other is known: see group.c. */
#define KERNEL_MODEL KERNEL(6, 12)

/* When there were which parameters. */
#define KERNEL_DISABLE_REDIR KERNEL(4, 19)
#define KERNEL_CONFIG_ACS KERNEL(6, 11)

#define KERNEL_TEXT_SIZE 24

unsigned int kernel_version(const char *release);
unsigned int kernel_of(const char *root);
bool kernel_misreads_acs(unsigned int version);
const char *kernel_text(unsigned int version, char text[KERNEL_TEXT_SIZE]);

#endif
