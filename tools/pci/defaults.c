// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pci_enable_acs() of Linux does once it knows that there is an IOMMU: SV, RR, CR
 * and UF on where they can be, and what does the same in Intel's older chipsets.
 *
 * A machine without an IOMMU in use has none of this, and its registers say nothing of
 * the groups that it would have with one.  Of a running machine we know; a dump shows
 * it by what an IOMMU in use leaves behind: Request Redirect, Upstream Forwarding (which
 * stays where parameters switch redirection off), the chipset's registers, ATS.  One of
 * these anywhere, and all is taken as it is.
 */
#include "pci/defaults.h"

#include <stdio.h>

#include "output.h"
#include "pci/quirk.h"
#include "pci/topology.h"

#define RCBA_ENABLED 1

static uint16_t additions(const struct function *f)
{
	return f->acs.present ? f->acs.cap & ACS_ISOLATED & ~f->acs.ctrl : 0;
}

/*
 * Linux gets at the chipset's registers by way of the bridge to LPC on the port's bus.
 * Where that is hidden it reads all ones, and goes on; a dump without it rather lacks
 * something.
 */
static enum pch pch_with_iommu(const struct topology *t,
			       const struct function *port)
{
	int i;

	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];

		if (f->bus != port->bus || f->devfn != INTEL_LPC_DEVFN)
			continue;
		if (!f->rcba_known)
			return PCH_UNKNOWN;
		return f->rcba & RCBA_ENABLED ? PCH_ON : PCH_OFF;
	}
	return t->live ? PCH_ON : PCH_UNKNOWN;
}

static bool has_groups(const struct topology *t)
{
	int i;

	for (i = 0; i < t->nr; i++)
		if (t->functions[i].group >= 0)
			return true;
	return false;
}

/* Does this function show that an IOMMU is in use? */
static bool shows_iommu(const struct function *f)
{
	return (f->acs.present && f->acs.ctrl & f->acs.cap &
		(ACS_RR | ACS_UF)) || f->caps.ats_on ||
	       (quirk_pch(f) && f->pch == PCH_ON);
}

/* Is there something that Linux would set, and nothing that it has set? */
static bool looks_off(const struct topology *t)
{
	bool settable = false;
	int i;

	for (i = 0; i < t->nr; i++) {
		const struct function *f = &t->functions[i];

		if (shows_iommu(f))
			return false;
		settable |= additions(f) || (quirk_pch(f) &&
					     f->pch == PCH_OFF);
	}
	return settable;
}

static void set(struct topology *t)
{
	int i;

	for (i = 0; i < t->nr; i++) {
		struct function *f = &t->functions[i];

		f->acs.ctrl |= additions(f);
		if (quirk_pch(f) && f->pch != PCH_ON)
			f->pch = pch_with_iommu(t, f);
	}
}

/**
 * defaults_choose() - the settings to go by
 * @t: the machine, as it was read
 * @choice: what is wanted
 */
void defaults_choose(struct topology *t, enum acs_choice choice)
{
	int i;

	for (i = 0; i < t->nr; i++)
		t->functions[i].acs.cap &= ~quirk_broken_acs(&t->functions[i]);
	if (choice == ACS_DEFAULTS)
		t->acs_origin = ACS_AS_ASKED;
	else if (choice == ACS_AS_IS)
		t->acs_origin = ACS_AS_READ;
	else if (t->live)
		t->acs_origin = has_groups(t) ? ACS_AS_READ : ACS_AS_UNUSED;
	else
		t->acs_origin = looks_off(t) ? ACS_AS_GUESSED : ACS_AS_READ;
	if (t->acs_origin != ACS_AS_READ)
		set(t);
}

static const char *why(const struct topology *t)
{
	static const char *const texts[] = {
		[ACS_AS_ASKED] = "--acs-defaults",
		[ACS_AS_UNUSED] =
		"this machine has no groups: no IOMMU is in use; --acs-as-is goes by the registers",
		[ACS_AS_GUESSED] =
		"nothing of it is on in this dump: no IOMMU was in use, or somebody switched it off after boot; --acs-as-is goes by the registers",
	};

	return texts[t->acs_origin];
}

/**
 * defaults_text() - say whose settings these are, if not the registers'
 * @t: the machine
 */
void defaults_text(const struct topology *t)
{
	if (t->acs_origin != ACS_AS_READ)
		printf("%sACS: as Linux sets it up with an IOMMU%s (%s)\n",
		       paint(PAINT_NOTE), paint(PAINT_OFF), why(t));
}

/**
 * defaults_warn() - say it beside the output
 * @t: the machine
 */
void defaults_warn(const struct topology *t)
{
	if (t->acs_origin != ACS_AS_READ)
		warn("ACS is as Linux sets it up with an IOMMU: %s", why(t));
}

/**
 * defaults_json() - whose settings these are, for programs
 * @t: the machine
 *
 * Return: an object.
 */
json_t *defaults_json(const struct topology *t)
{
	static const char *const origins[] = {
		[ACS_AS_READ] = "read",
		[ACS_AS_ASKED] = "asked",
		[ACS_AS_UNUSED] = "no-iommu",
		[ACS_AS_GUESSED] = "looks-off",
	};

	return xjson(json_pack("{ss so}", "from", origins[t->acs_origin],
			       "text", json_text(why(t))));
}
