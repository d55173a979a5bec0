/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose requester ID a function's DMA has, where that is not its own: the devices
 * that Linux knows for it.
 */
#ifndef IOASID_ALIAS_H
#define IOASID_ALIAS_H

#include <stdbool.h>
#include <stdint.h>

struct function;

bool alias_any(const struct function *f);
bool alias_of(const struct function *f, uint8_t devfn);
bool alias_is_guess(const struct function *f);
bool alias_ends_here(const struct function *f);
bool alias_not_taken(const struct function *f);

#endif
