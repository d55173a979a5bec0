/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Facts about a machine that its PCI devices do not tell: IOMMUs, interrupt
 * remapping, whether it is virtual.  Each comes with the evidence for it.
 */
#ifndef IOASID_MACHINE_H
#define IOASID_MACHINE_H

#include <jansson.h>

#include "pci/topology.h"

/**
 * enum answer - yes, no, or we cannot tell
 * @ANSWER_UNKNOWN: we cannot tell
 * @ANSWER_NO: no
 * @ANSWER_YES: yes
 */
enum answer {
	ANSWER_UNKNOWN,
	ANSWER_NO,
	ANSWER_YES,
};

#define SIGN_SIZE 160

/**
 * struct fact - an answer and the evidence for it
 * @answer: the answer
 * @sign: the evidence, as a clause
 */
struct fact {
	enum answer answer;
	char sign[SIGN_SIZE];
};

/**
 * struct machine - facts
 * @known: this is the running machine; of a dump, only PCI is known
 * @is_virtual: is it a virtual machine?
 * @iommu: does the kernel drive an IOMMU?
 * @remapping: is interrupt remapping in use?
 */
struct machine {
	bool known;
	struct fact is_virtual;
	struct fact iommu;
	struct fact remapping;
};

struct machine *machine_look(const struct topology *t, const char *root);
void machine_free(struct machine *m);
void machine_text(const struct machine *m);
json_t *machine_json(const struct machine *m);
char *machine_read(const char *root, const char *path);
bool machine_has(const char *root, const char *path);

#endif
