/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VT-d makes of an access by a first stage, said a second time: not by walking,
 * but by collecting the entries for an address first, and by asking rule after rule then
 * whether it is broken. It remembers nothing.
 */
#ifndef SELFTESTS_VTD_MODEL_H
#define SELFTESTS_VTD_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/iommufd.h>

#include "iosim.h"
#include "vtd.h"

/**
 * struct vtd_model - the hardware, and what is in memory
 * @haw: the host address width
 * @mgaw: the aperture of the parent
 * @fs1gp: pages of 1 GiB
 * @flags: of the page table
 * @root: likewise
 * @memory: where the parent has memory; NULL: nothing there. @writable is set to
 *	whether it is to be written to
 * @context: for that
 */
struct vtd_model {
	unsigned int haw;
	unsigned int mgaw;
	bool fs1gp;
	uint64_t flags;
	uint64_t root;
	uint64_t *(*memory)(void *context, uint64_t gpa, bool *writable);
	void *context;
};

struct vtd_request {
	uint64_t iova;
	bool write;
	bool privileged;
};

/**
 * struct vtd_verdict - what becomes of it
 * @code: the fault reason; 0: none
 * @word: what the access reaches
 * @nr: how many entries of @entries are gone by
 * @entries: these
 * @sets: the bits that are set in each
 */
struct vtd_verdict {
	unsigned int code;
	uint64_t *word;
	int nr;
	uint64_t *entries[4];
	uint64_t sets[4];
};

/* The entries for an address as far as there are any, and why there are no more. */
struct vtd_chain {
	int nr;
	struct {
		uint64_t *memory;
		uint64_t value;
		bool writable;
	} link[4];
	unsigned int code;
	int last_level;
};

static inline bool vtd_model_bit(uint64_t value, int bit)
{
	return value >> bit & 1;
}

/* 0 if a present entry is well-formed. */
static inline bool vtd_model_malformed(const struct vtd_model *model,
				       uint64_t value, int level)
{
	static const int first_of_address[] = { 0, 12, 21, 30, 39 };
	bool page = level > 1 && vtd_model_bit(value, 7);
	int bit;

	for (bit = model->haw; bit < 52; bit++)
		if (vtd_model_bit(value, bit))
			return true;
	if (!page)
		return false;
	if (level == 4 || (level == 3 && !model->fs1gp))
		return true;
	for (bit = 13; bit < first_of_address[level]; bit++)
		if (vtd_model_bit(value, bit))
			return true;
	return false;
}

static inline void vtd_model_collect(const struct vtd_model *model,
				     uint64_t iova, struct vtd_chain *chain)
{
	uint64_t at = model->root, value;
	int level = 4;
	bool writable;
	uint64_t *memory;

	chain->nr = 0;
	chain->code = 0;
	while (level) {
		at += (iova >> (3 + 9 * level) & 0x1ff) * 8;
		chain->code = at >> model->mgaw ? 0x74 :
			      level == 4 ? 0x75 : 0x76;
		memory = at >> model->mgaw ? NULL :
			 model->memory(model->context, at, &writable);
		if (!memory)
			return;
		value = *memory;
		chain->code = 0x71;
		if (!vtd_model_bit(value, 0))
			return;
		chain->code = 0x72;
		if (vtd_model_malformed(model, value, level))
			return;
		chain->code = 0;
		chain->link[chain->nr].memory = memory;
		chain->link[chain->nr].value = value;
		chain->link[chain->nr++].writable = writable;
		chain->last_level = level;
		if (level > 1 && vtd_model_bit(value, 7))
			return;
		at = value % (1ULL << 52) / 4096 * 4096;
		level--;
	}
}

/* Rules that one bit of all entries decides. */
static inline bool vtd_model_all(const struct vtd_chain *chain, int bit)
{
	int i;

	for (i = 0; i < chain->nr; i++)
		if (!vtd_model_bit(chain->link[i].value, bit))
			return false;
	return true;
}

static inline unsigned int vtd_model_rights(const struct vtd_model *model,
					    const struct vtd_request *request,
					    const struct vtd_chain *chain)
{
	bool protect = request->privileged ?
		       model->flags & IOMMU_VTD_S1_WPE : true;

	if (!request->privileged && !vtd_model_all(chain, 2))
		return 0x81;
	if (request->write && protect && !vtd_model_all(chain, 1))
		return 0x85;
	return 0;
}

static inline unsigned int vtd_model_page(const struct vtd_model *model,
					  const struct vtd_request *request,
					  const struct vtd_chain *chain,
					  uint64_t **word)
{
	uint64_t value = chain->link[chain->nr - 1].value % (1ULL << 52);
	uint64_t size = 8ULL << (9 * chain->last_level), gpa;
	bool writable;

	gpa = value / size * size + request->iova % size;
	if (gpa >> model->mgaw)
		return 0x74;
	if (gpa >= 0xfee00000 && gpa <= 0xfeefffff)
		return 0x87;
	*word = model->memory(model->context, gpa, &writable);
	if (!*word)
		return 0x79;
	return request->write && !writable ? 0x85 : 0;
}

/* Bits 5 and 6 are accessed and dirty, 10 is extended accessed. */
static inline void vtd_model_sets(const struct vtd_model *model,
				  const struct vtd_request *request,
				  const struct vtd_chain *chain,
				  struct vtd_verdict *verdict)
{
	uint64_t bits;
	int i;

	for (i = 0; i < chain->nr && !verdict->code; i++) {
		bits = 1 << 5;
		if (model->flags & IOMMU_VTD_S1_EAFE)
			bits += 1 << 10;
		if (request->write && i == chain->nr - 1)
			bits += 1 << 6;
		bits &= ~chain->link[i].value;
		if (bits && !chain->link[i].writable) {
			verdict->code = 0x77;
			break;
		}
		verdict->entries[i] = chain->link[i].memory;
		verdict->sets[i] = bits;
		verdict->nr = i + 1;
	}
}

static inline struct vtd_verdict vtd_judge(const struct vtd_model *model,
					   const struct vtd_request *request)
{
	struct vtd_verdict verdict = { .nr = 0 };
	struct vtd_chain chain;
	uint64_t top = request->iova >> 47;

	if (request->privileged && !(model->flags & IOMMU_VTD_S1_SRE))
		verdict.code = 0x5d;
	else if (top && top != 0x1ffff)
		verdict.code = 0x80;
	if (verdict.code)
		return verdict;
	vtd_model_collect(model, request->iova, &chain);
	verdict.code = chain.code;
	if (!verdict.code)
		verdict.code = vtd_model_rights(model, request, &chain);
	if (!verdict.code)
		verdict.code = vtd_model_page(model, request, &chain,
					      &verdict.word);
	if (!verdict.code)
		vtd_model_sets(model, request, &chain, &verdict);
	return verdict;
}

#endif
