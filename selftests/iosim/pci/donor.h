/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device that lends its memory to the BARs of simulated functions.
 */
#ifndef IOSIM_DONOR_H
#define IOSIM_DONOR_H

int donor_setup(void);
void donor_cleanup(void);

#endif
