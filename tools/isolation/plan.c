// SPDX-License-Identifier: GPL-2.0-only
/*
 * First, everything that isolation needs is switched on; then, as little as the
 * direct paths need is switched off; last, the models of the kernel's groups and of
 * the paths check whether the result is what was asked for.  If not, the plan is
 * refused, with the reason.
 */
#include "isolation/plan.h"

#include <stdlib.h>
#include <string.h>

#include "isolation/explain.h"
#include "isolation/one_device.h"
#include "output.h"
#include "pci/acs_expected.h"
#include "pci/p2pdma.h"
#include "pci/quirk.h"
#include "pci/reach.h"

/* Its functions are its own, all else is as in the original, and goes with it. */
static struct topology *copy_machine(const struct topology *t)
{
	struct topology *copy = xcalloc(1, sizeof(*copy));
	int i;

	*copy = *t;
	copy->functions = xcalloc(t->nr, sizeof(*t->functions));
	for (i = 0; i < t->nr; i++) {
		copy->functions[i] = t->functions[i];
		copy->functions[i].t = copy;
	}
	return copy;
}

static void drop_copy(struct topology *copy)
{
	free(copy->functions);
	free(copy);
}

/**
 * plan_new() - an empty plan
 * @t: the machine
 *
 * Return: the plan, with a copy of the machine.
 */
struct plan *plan_new(const struct topology *t)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	int i;

	p->t = copy_machine(t);
	p->now = xcalloc(t->nr, sizeof(*p->now));
	p->then = xcalloc(t->nr, sizeof(*p->then));
	for (i = 0; i < t->nr; i++)
		p->now[i] = p->then[i] = t->functions[i].acs.ctrl;
	p->before = groups_predict(p->t);
	return p;
}

/**
 * plan_free() - the end of it
 * @p: the plan
 */
void plan_free(struct plan *p)
{
	groups_free(p->before);
	groups_free(p->after);
	drop_copy(p->t);
	free(p->p2p.at);
	free(p->isolate.at);
	free(p->now);
	free(p->then);
	free(p->refusal);
	free(p);
}

/**
 * plan_want() - one more pair
 * @pairs: where to
 * @a: index of a function
 * @b: index of another
 */
void plan_want(struct pairs *pairs, int a, int b)
{
	if (pairs->nr == pairs->size) {
		pairs->size = pairs->size ? 2 * pairs->size : 16;
		pairs->at = xrealloc(pairs->at, pairs->size,
				     sizeof(*pairs->at));
	}
	pairs->at[pairs->nr++] = (struct pair){ a, b };
}

/**
 * plan_use() - have the machine be as before, or as after
 * @p: the plan
 * @ctrl: its now, or its then
 */
void plan_use(struct plan *p, const uint16_t *ctrl)
{
	int i;

	for (i = 0; i < p->t->nr; i++)
		p->t->functions[i].acs.ctrl = ctrl[i];
}

/**
 * plan_changes() - how many functions get other settings
 * @p: the plan
 *
 * Return: the number.
 */
int plan_changes(const struct plan *p)
{
	int i, n = 0;

	for (i = 0; i < p->t->nr; i++)
		n += p->now[i] != p->then[i];
	return n;
}

static const char *name(const struct plan *p, int index,
			char text[ADDRESS_SIZE])
{
	return topology_address(&p->t->functions[index], text);
}

/* Isolation ---------------------------------------------------------------- */

static bool acs_matters(const struct function *f)
{
	return f->acs.present &&
	       (f->multifunction || f->type == PORT_ROOT ||
		f->type == PORT_DOWNSTREAM);
}

/* All on the way up that can isolate shall. */
static void raise(struct plan *p, int index)
{
	int at;

	for (at = index; at >= 0; at = topology_above(p->t, at)) {
		const struct function *f = &p->t->functions[at];

		if (acs_matters(f) && !quirk_vouches(f))
			p->then[at] |= ACS_ISOLATED & f->acs.cap;
	}
}

/* Direct ways -------------------------------------------------------------- */

static bool refuse(struct plan *p, char *why)
{
	free(p->refusal);
	p->refusal = why;
	return false;
}

static bool refuse_at_root(struct plan *p, const struct pair *pair)
{
	struct p2pdma verdict = p2pdma_judge(p->t, pair->a, pair->b);
	char *host = p2pdma_host_text(p->t, &verdict);
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE];

	refuse(p, xasprintf("%s and %s meet in the root complex only, where no ACS setting makes a direct way. Through the IOMMU there is one without any setting, where the root complex forwards it: map the BAR of one for the other (%s). --root-complex lets the root complex pass requests between its ports without the IOMMU, if it does that",
			    name(p, pair->a, a), name(p, pair->b, b), host));
	free(host);
	return false;
}

static bool check_addressable(struct plan *p, const struct pair *pair)
{
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE];

	if (topology_is_target(&p->t->functions[pair->a]) ||
	    topology_is_target(&p->t->functions[pair->b]))
		return true;
	return refuse(p, xasprintf("neither %s nor %s has a memory BAR: there is nothing that the other could address",
				   name(p, pair->a, a), name(p, pair->b, b)));
}

/* What is in the way of translated requests from @from up to @last. */
static void admit_translated(struct plan *p, int from, int last)
{
	int at;

	for (at = from; at >= 0; at = topology_above(p->t, at)) {
		p->then[at] &= ~ACS_TB;
		if (at == last)
			return;
	}
}

static bool lower_translated(struct plan *p, int from, const struct path *path)
{
	const struct function *f = &p->t->functions[path->turn_from];
	char a[ADDRESS_SIZE];

	if (!p->t->functions[from].caps.ats)
		return refuse(p, xasprintf("%s has no ATS: it cannot send translated requests",
					   name(p, from, a)));
	admit_translated(p, from, path->turn_from);
	if (path->route == ROUTE_DIRECT)
		return true;
	if (!(f->acs.cap & ACS_DT))
		return refuse(p, xasprintf("%s %s has no control Direct Translated P2P. Without --translated all requests would be let through",
					   topology_kind(f),
					   name(p, path->turn_from, a)));
	p->then[path->turn_from] |= ACS_DT;
	return true;
}

static bool lower_all(struct plan *p, const struct path *path)
{
	const struct function *f = &p->t->functions[path->turn_from];
	uint16_t fixed = (ACS_RR | ACS_CR) & ~f->acs.cap;
	char a[ADDRESS_SIZE], names[ACS_NAMES_SIZE];

	if (!f->acs.present)
		return true;
	if (fixed)
		return refuse(p, xasprintf("%s %s redirects always: %s cannot be switched off",
					   topology_kind(f),
					   name(p, path->turn_from, a),
					   acs_names(fixed, names)));
	/* Linux takes any of the three for a sign that nothing gets through */
	p->then[path->turn_from] &= ~(ACS_RR | ACS_CR | ACS_EC);
	return true;
}

/* One direction of a direct way. */
static bool lower(struct plan *p, const struct pair *pair, int from, int to)
{
	enum traffic traffic = p->translated ? TRAFFIC_TRANSLATED :
					       TRAFFIC_REQUEST;
	struct path path = path_find(p->t, from, to, traffic);
	const struct quirk *quirk;
	char a[ADDRESS_SIZE];

	if (path.cause == PATH_SHARED_BUS)
		return true;
	if (path_at_root(p->t, &path) && !p->root_complex)
		return refuse_at_root(p, pair);
	if (path.route == ROUTE_ROOT)
		return refuse(p, xasprintf("what the root complex does between the two cannot be set from PCI"));
	quirk = quirk_vouches(&p->t->functions[path.turn_from]);
	if (quirk && quirk->kind == QUIRK_INTEL_PCH_UNKNOWN)
		return refuse(p, xasprintf("whether anything passes at %s is not known: it is %s",
					   name(p, path.turn_from, a),
					   quirk_text(quirk)));
	if (quirk && !quirk_missing(quirk, ACS_RR))
		return refuse(p, xasprintf("the kernel knows that nothing passes at %s",
					   name(p, path.turn_from, a)));
	return p->translated ? lower_translated(p, from, &path) :
			       lower_all(p, &path);
}

/* For drivers of the kernel ------------------------------------------------- */

/*
 * The kernel wants nothing to redirect on either way up, not only where the ways turn.
 * In the root complex it goes by its list, and no setting counts.
 */
static void lower_for_kernel(struct plan *p, const struct pair *pair)
{
	int way[2 * 256], n, i;

	n = p2pdma_way(p->t, pair->a, pair->b, way,
		       sizeof(way) / sizeof(way[0]));
	for (i = 0; i < n; i++)
		if (p->t->functions[way[i]].acs.present)
			p->then[way[i]] &= ~(ACS_RR | ACS_CR | ACS_EC);
}

/* NULL if a way is direct, or may be; or what it is instead, to be freed. */
static char *why_not_direct(struct plan *p, int from, int to,
			    enum traffic traffic)
{
	struct path path = path_find(p->t, from, to, traffic);
	char *text, *why;

	if (path.route == ROUTE_DIRECT || path.route == ROUTE_POSSIBLE)
		return NULL;
	text = path_text(p->t, &path, traffic);
	why = xasprintf("%s: %s", path_route_name(path.route), text);
	free(text);
	return why;
}

/* A port may redirect although its register, which the kernel reads, says no. */
static bool check_kernel_way(struct plan *p, const struct pair *pair, int from,
			     int to)
{
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE];
	char *why = why_not_direct(p, from, to, TRAFFIC_REQUEST);

	if (!why)
		return true;
	refuse(p, xasprintf("Linux would take the way between %s and %s for direct, but it would be %s",
			    name(p, pair->a, a), name(p, pair->b, b), why));
	free(why);
	return false;
}

static bool check_kernel(struct plan *p, const struct pair *pair)
{
	struct p2pdma verdict = p2pdma_judge(p->t, pair->a, pair->b);
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE], *text;

	if (verdict.map == P2PDMA_HOST_BRIDGE)
		return true;
	if (verdict.map == P2PDMA_DIRECT)
		return check_kernel_way(p, pair, pair->a, pair->b) &&
		       check_kernel_way(p, pair, pair->b, pair->a);
	text = p2pdma_text(p->t, &verdict);
	refuse(p, xasprintf("the kernel's drivers %s have %s and %s talk to each other: %s",
			    verdict.map == P2PDMA_UNKNOWN ? "may not" :
			    "would not", name(p, pair->a, a),
			    name(p, pair->b, b), text));
	free(text);
	return false;
}

/* Is it what was wanted? ---------------------------------------------------- */

static bool check_way(struct plan *p, int from, int to)
{
	enum traffic traffic = p->translated ? TRAFFIC_TRANSLATED :
					       TRAFFIC_REQUEST;
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE];
	char *why = why_not_direct(p, from, to, traffic);

	if (!why)
		return true;
	refuse(p, xasprintf("from %s to %s it would still be %s",
			    name(p, from, a), name(p, to, b), why));
	free(why);
	return false;
}

static bool check_kept_out(struct plan *p, int from, int to)
{
	struct path path = path_find(p->t, from, to, TRAFFIC_REQUEST);
	bool ours = path.turn_from >= 0 &&
		    p->now[path.turn_from] & ~p->then[path.turn_from];
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE], *text;

	if (path.route != ROUTE_DIRECT && path.route != ROUTE_POSSIBLE)
		return true;
	text = path_text(p->t, &path, TRAFFIC_REQUEST);
	refuse(p, xasprintf("%s %s reach %s: %s%s", name(p, from, a),
			    path.route == ROUTE_DIRECT ? "would" : "might",
			    name(p, to, b), text, ours ?
			    ", as the wanted peer-to-peer needs it" : ""));
	free(text);
	return false;
}

/* What may help all the same, or need not. */
static const char *stay_hint(const struct plan *p, const struct pair *pair)
{
	int i, culprit;

	if (one_device(p->t, pair->a, pair->b))
		return ". There is no harm in that: they are functions of one device, and are given away together";
	for (i = 0; i < 2; i++) {
		culprit = p->after->reason[i ? pair->a : pair->b].culprit;
		if (culprit >= 0 && acs_expected(&p->t->functions[culprit]))
			return ". Ports of this kind have one: look for ACS, or AER, in the firmware's setup";
	}
	return "";
}

static bool check_apart(struct plan *p, const struct pair *pair)
{
	char a[ADDRESS_SIZE], b[ADDRESS_SIZE];
	char *text;

	if (p->after->of[pair->a] != p->after->of[pair->b])
		return check_kept_out(p, pair->a, pair->b) &&
		       check_kept_out(p, pair->b, pair->a);
	text = explain_group(p->t, p->after, pair->b);
	if (!text)
		text = explain_group(p->t, p->after, pair->a);
	refuse(p, xasprintf("%s and %s would stay in one group: %s%s",
			    name(p, pair->a, a), name(p, pair->b, b), text,
			    stay_hint(p, pair)));
	free(text);
	return false;
}

/* In Linux 6.12 an entry for such a port switches redirection off: no more. */
static bool check_settable(struct plan *p)
{
	char a[ADDRESS_SIZE];
	int i;

	for (i = 0; i < p->t->nr; i++) {
		uint16_t off = p->now[i] &
			       ~(ACS_RR | ACS_CR | ACS_EC);

		if (p->t->functions[i].acs.dwords &&
		    p->then[i] != p->now[i] && p->then[i] != off)
			return refuse(p, xasprintf("the ACS registers of root port %s are 32 bits wide (an erratum): of config_acs= the kernel takes no more for it than to switch redirection off",
						   name(p, i, a)));
	}
	return true;
}

static bool check_wanted(struct plan *p)
{
	bool fine = true;
	int i;

	for (i = 0; fine && i < p->p2p.nr; i++)
		fine = p->kernel ? check_kernel(p, &p->p2p.at[i]) :
		       check_way(p, p->p2p.at[i].a, p->p2p.at[i].b) &&
		       check_way(p, p->p2p.at[i].b, p->p2p.at[i].a);
	for (i = 0; fine && i < p->isolate.nr; i++)
		fine = check_apart(p, &p->isolate.at[i]);
	return fine;
}

/**
 * plan_make() - find the settings
 * @p: a plan that says what is wanted
 *
 * Return: whether they were found; if not, the plan's refusal says why.
 */
bool plan_make(struct plan *p)
{
	bool fine = true;
	int i;

	for (i = 0; i < p->isolate.nr; i++) {
		raise(p, p->isolate.at[i].a);
		raise(p, p->isolate.at[i].b);
	}
	for (i = 0; fine && i < p->p2p.nr; i++) {
		const struct pair *pair = &p->p2p.at[i];

		fine = check_addressable(p, pair);
		if (p->kernel)
			lower_for_kernel(p, pair);
		else
			fine = fine && lower(p, pair, pair->a, pair->b) &&
			       lower(p, pair, pair->b, pair->a);
	}
	plan_use(p, p->then);
	p->after = groups_predict(p->t);
	return fine && check_settable(p) && check_wanted(p);
}

/**
 * plan_holds_bare() - would the plan do if what it changes kept nothing on?
 * @p: a plan that has been made
 *
 * Return: whether.
 */
bool plan_holds_bare(struct plan *p)
{
	uint16_t *then = p->then, *bare = xcalloc(p->t->nr, sizeof(*bare));
	struct groups *after = p->after;
	bool fine;
	int i;

	for (i = 0; i < p->t->nr; i++)
		bare[i] = then[i] == p->now[i] ? then[i] : 0;
	p->then = bare;
	plan_use(p, bare);
	p->after = groups_predict(p->t);
	fine = check_wanted(p);
	refuse(p, NULL);
	groups_free(p->after);
	p->after = after;
	p->then = then;
	plan_use(p, then);
	free(bare);
	return fine;
}

/* Who gets a way ------------------------------------------------------------ */

static bool may_reach(const struct topology *t, int from, int to)
{
	enum traffic kinds[] = { TRAFFIC_REQUEST, TRAFFIC_TRANSLATED };
	size_t i;

	for (i = 0; i < 2; i++) {
		enum route route = path_find(t, from, to, kinds[i]).route;

		if (route == ROUTE_DIRECT || route == ROUTE_POSSIBLE)
			return true;
	}
	return false;
}

/**
 * struct opening - what is asked when ways are looked for that have been opened
 * @before: the machine as it was
 * @after: as it is with the plan
 * @changed: for each function: it is changed, or one above it is
 * @from: whose ways
 * @to: where they lead
 */
struct opening {
	const struct topology *before;
	const struct topology *after;
	bool *changed;
	int from;
	struct indices to;
};

static void collect(struct opening *o, int index)
{
	const struct function *f = &o->after->functions[index];
	int i;

	if (topology_is_target(f))
		indices_add(&o->to, index);
	for (i = f->inside; i >= 0; i = o->after->functions[i].beside)
		collect(o, i);
}

/*
 * The ways to what is beside @at, which is on the way up from the one in question.
 * For all of these the same is decided, but by an egress control vector, or if of some
 * it is not known whether they are there.
 */
static void collect_beside(struct opening *o, int at)
{
	const struct topology *t = o->after;
	const struct function *f = &t->functions[at];
	bool each = f->acs.cap & ACS_EC || t->lost, opened = false;
	int above = topology_above(t, at), i, asked = -1;

	for (i = above < 0 ? t->roots : t->functions[above].inside; i >= 0;
	     i = t->functions[i].beside) {
		if (i == at || t->functions[i].domain != f->domain)
			continue;
		if (asked < 0 || each)
			opened = !may_reach(o->before, o->from, i) &&
				 may_reach(t, o->from, i);
		asked = i;
		if (opened)
			collect(o, i);
		else if (!each)
			return;
	}
}

static void find_opened(struct opening *o, struct pairs *opened)
{
	int at, i;

	o->to.nr = 0;
	for (at = o->from; at >= 0; at = topology_above(o->after, at))
		collect_beside(o, at);
	indices_sort(&o->to);
	for (i = 0; i < o->to.nr; i++)
		plan_want(opened, o->from, o->to.at[i]);
}

/**
 * plan_opened() - who gets a way to whom that was closed before
 * @p: a plan that has been made
 *
 * A way depends on the settings of its sender and what is above that one. So
 * only below what is changed one can have been opened.
 *
 * Return: pairs (from, to), whose array is to be freed.
 */
struct pairs plan_opened(struct plan *p)
{
	struct topology *before = copy_machine(p->t);
	struct opening o = { .before = before, .after = p->t };
	struct pairs opened = { };
	int i, above;

	plan_use(p, p->then);
	o.changed = xcalloc(p->t->nr, sizeof(*o.changed));
	for (i = 0; i < p->t->nr; i++) {
		before->functions[i].acs.ctrl = p->now[i];
		above = topology_above(p->t, i);
		o.changed[i] = p->now[i] != p->then[i] ||
			       (above >= 0 && o.changed[above]);
	}
	for (i = 0; i < p->t->nr; i++) {
		o.from = i;
		if (o.changed[i] && !p->t->functions[i].bridge)
			find_opened(&o, &opened);
	}
	free(o.changed);
	free(o.to.at);
	drop_copy(before);
	return opened;
}
