/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the kernel's own tests, to be included first: their limit of 30 seconds for each
 * case is for real machines, not for a busy host that interprets a debug kernel.
 */
#include <unistd.h>

#define alarm(seconds) alarm((seconds) * 10)
