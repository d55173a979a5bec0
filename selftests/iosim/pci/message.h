/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts of functions: MSI and MSI-X.
 */
#ifndef IOSIM_MESSAGE_H
#define IOSIM_MESSAGE_H

struct function;

void message_send(struct function *function);
void message_clear(struct function *function);

#endif
