/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Classes of devices, by the words that people have for them.
 */
#ifndef IOASID_CLASS_H
#define IOASID_CLASS_H

#include <stdbool.h>
#include <stdint.h>

bool class_known(const char *word);
bool class_fits(uint16_t class, const char *word);
const char *class_words(void);

bool class_computes(uint16_t class);
bool class_is_system(uint16_t class);

#endif
