// SPDX-License-Identifier: GPL-2.0-only
#include "isolation/explain.h"

#include <stdlib.h>

#include "output.h"
#include "pci/acs_expected.h"
#include "pci/alias.h"
#include "pci/quirk.h"

/**
 * explain_verdict() - why a function isolates, or does not
 * @f: the function
 * @verdict: what acs_judge() has said of it
 *
 * Return: a clause whose subject is the function, to be freed.
 */
char *explain_verdict(const struct function *f,
		      const struct acs_verdict *verdict)
{
	char names[ACS_NAMES_SIZE];

	switch (verdict->basis) {
	case ACS_BY_REGISTER:
		if (!verdict->isolates)
			return xasprintf("has ACS, but not %s",
					 acs_names(verdict->missing, names));
		return xasprintf("has ACS with all that is wanted");
	case ACS_BY_QUIRK:
		return xasprintf("%s by a rule of the kernel: %s",
				 verdict->isolates ? "isolates" :
				 "does not isolate",
				 quirk_text(verdict->quirk));
	case ACS_ABSENT:
		return xasprintf("has no ACS capability%s",
				 f->multifunction && f->type != PORT_ROOT &&
				 f->type != PORT_DOWNSTREAM ?
				 ", and is one of several functions" : "");
	case ACS_CONVENTIONAL:
		return xasprintf("is conventional PCI, which has no ACS");
	case ACS_BRIDGE:
		return xasprintf("is a %s, which has no ACS",
				 topology_kind(f));
	case ACS_NOT_NEEDED:
		return xasprintf("is a single function, which needs no ACS");
	case ACS_UNKNOWN:
		if (verdict->quirk)
			return xasprintf("is %s", quirk_text(verdict->quirk));
		return xasprintf("has registers that could not be read: taken not to isolate");
	}
	abort();
}

static char *below_port(const struct topology *t, const char *self,
			const struct group_reason *reason)
{
	const struct function *leak = &t->functions[reason->culprit];
	struct acs_verdict verdict = acs_judge(leak, ACS_ISOLATED);
	char *clause = explain_verdict(leak, &verdict), *text;
	char culprit[ADDRESS_SIZE];

	text = xasprintf("%s is below %s %s, which %s", self,
			 topology_kind(leak), topology_address(leak, culprit),
			 clause);
	free(clause);
	return text;
}

static char *beside(const struct topology *t, int index,
		    const struct group_reason *reason)
{
	const struct function *other = &t->functions[reason->culprit];
	struct acs_verdict verdict = acs_judge(other, ACS_ISOLATED);
	char *clause = explain_verdict(other, &verdict), *text;
	char self[ADDRESS_SIZE], culprit[ADDRESS_SIZE];

	text = xasprintf("%s and %s are functions of one device, and neither isolates: the latter %s",
			 topology_address(&t->functions[index], self),
			 topology_address(other, culprit), clause);
	free(clause);
	return text;
}

/* Without the VMD itself, which a dump may lack, they are still together. */
static char *behind_vmd(const struct topology *t, const char *self, int vmd)
{
	const struct function *f = &t->functions[vmd];
	char address[ADDRESS_SIZE];

	topology_address(f, address);
	if (f->dma_as == vmd)
		return xasprintf("%s is in PCI domain %04x, like %s: that is behind a VMD, whose requester ID all DMA from there has",
				 self, f->domain, address);
	return xasprintf("%s is behind VMD %s, whose requester ID its DMA has",
			 self, address);
}

static char *aliased(const struct topology *t, int index, int other)
{
	const struct function *f = &t->functions[index];
	const struct function *o = &t->functions[other];
	char self[ADDRESS_SIZE], culprit[ADDRESS_SIZE];
	bool guess = alias_is_guess(f) || alias_is_guess(o);

	return xasprintf("%s and %s %s one another's requester ID, %s",
			 topology_address(f, self),
			 topology_address(o, culprit), guess ? "may use" : "use",
			 guess ? "of which an NTB has a table in its memory: which ones is unknown" :
				 "the kernel knows of this device");
}

/**
 * explain_group() - why a function is in its group
 * @t: the machine
 * @g: predicted groups
 * @index: the function
 *
 * Return: a sentence without full stop, to be freed; NULL if the function is
 * the first one of its group.
 */
char *explain_group(const struct topology *t, const struct groups *g,
		    int index)
{
	const struct group_reason *reason = &g->reason[index];
	char self[ADDRESS_SIZE], culprit[ADDRESS_SIZE];

	topology_address(&t->functions[index], self);
	if (reason->culprit >= 0)
		topology_address(&t->functions[reason->culprit], culprit);
	switch (reason->cause) {
	case GROUP_FIRST:
		return NULL;
	case GROUP_BELOW:
		return below_port(t, self, reason);
	case GROUP_BRIDGE:
		return xasprintf("%s is behind %s %s, whose requester ID its requests %s",
				 self,
				 topology_kind(&t->functions[reason->culprit]),
				 culprit,
				 t->functions[reason->culprit].pcie_known ?
				 "have" : "may have");
	case GROUP_DMA:
		return behind_vmd(t, self, reason->culprit);
	case GROUP_SLOT:
		return beside(t, index, reason);
	case GROUP_LOST:
		return xasprintf("the bridge above %s is not known: it may be that of %s, too, or beside it",
				 topology_lost(t, index) ? self : culprit,
				 topology_lost(t, index) ? culprit : self);
	case GROUP_ALIAS:
		return aliased(t, index, reason->culprit);
	}
	abort();
}

/**
 * explain_address() - the address of a function as JSON
 * @t: the machine
 * @index: the function, or -1
 *
 * Return: a string, or null.
 */
json_t *explain_address(const struct topology *t, int index)
{
	char text[ADDRESS_SIZE];

	return index < 0 ? json_null() :
	       json_string(topology_address(&t->functions[index], text));
}

/**
 * explain_bits() - ACS bits as JSON
 * @bits: ACS_* bits
 *
 * Return: an array of short names.
 */
json_t *explain_bits(uint16_t bits)
{
	json_t *array = xjson(json_array());
	char name[ACS_NAMES_SIZE];
	unsigned int i;

	for (i = 0; i < ACS_BITS; i++)
		if (bits & 1 << i)
			json_array_append_new(array, json_string(
					      acs_names(1 << i, name)));
	return array;
}

/**
 * explain_acs() - the access control of a function as JSON
 * @f: the function
 *
 * Return: an object.
 */
json_t *explain_acs(const struct function *f)
{
	static const char *const bases[] = {
		[ACS_BY_REGISTER] = "registers",
		[ACS_BY_QUIRK] = "quirk",
		[ACS_ABSENT] = "absent",
		[ACS_CONVENTIONAL] = "conventional",
		[ACS_BRIDGE] = "bridge",
		[ACS_NOT_NEEDED] = "not-needed",
		[ACS_UNKNOWN] = "unknown",
	};
	struct acs_verdict v = acs_judge(f, ACS_ISOLATED);
	bool unknown = v.basis == ACS_UNKNOWN;
	json_t *acs = json_pack("{so sb ss so}", "isolates",
				unknown ? json_null() :
					  json_boolean(v.isolates),
				"readable", f->acs.known, "basis",
				bases[v.basis], "missing", unknown ?
				json_null() : explain_bits(v.missing));

	if (f->acs.present) {
		json_object_set_new(acs, "capable",
				    explain_bits(f->acs.cap));
		json_object_set_new(acs, "enabled",
				    explain_bits(f->acs.ctrl));
	}
	if (acs_expected(f))
		json_object_set_new(acs, "expected", json_true());
	if (v.quirk)
		json_object_set_new(acs, "quirk",
				    json_string(quirk_name(v.quirk)));
	return xjson(acs);
}

/**
 * explain_caps() - the other capabilities of a function as JSON
 * @f: the function
 *
 * Return: an object, null if they could not be read.
 */
json_t *explain_caps(const struct function *f)
{
	const struct caps *c = &f->caps;

	if (!c->known)
		return json_null();
	return xjson(json_pack("{s{sb sb} s{sb sb} s{si sb} sb sb si}",
			       "ats", "present", c->ats, "enabled", c->ats_on,
			       "pri", "present", c->pri, "enabled", c->pri_on,
			       "pasid", "bits", (int)c->pasid_bits,
			       "enabled", c->pasid_on, "siov", c->siov,
			       "ims", c->ims, "vfs", (int)c->sriov_vfs));
}

/**
 * explain_group_json() - why a function is in its group
 * @t: the machine
 * @g: predicted groups
 * @index: the function
 *
 * Return: an object.
 */
json_t *explain_group_json(const struct topology *t, const struct groups *g,
			   int index)
{
	static const char *const causes[] = {
		[GROUP_FIRST] = "first",
		[GROUP_BELOW] = "below-port",
		[GROUP_BRIDGE] = "bridge",
		[GROUP_SLOT] = "functions",
		[GROUP_DMA] = "vmd",
		[GROUP_LOST] = "unknown-bridge",
		[GROUP_ALIAS] = "alias",
	};
	const struct group_reason *reason = &g->reason[index];
	char *text = explain_group(t, g, index);
	json_t *value = json_pack("{ss so so so}", "cause",
				  causes[reason->cause], "with",
				  explain_address(t, reason->with), "culprit",
				  explain_address(t, reason->culprit), "text",
				  json_text(text));

	free(text);
	return xjson(value);
}
