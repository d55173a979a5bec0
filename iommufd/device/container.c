// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a legacy container: VFIO's groups, and the IOAS that they are
 * attached to.
 *
 * The address space of type1 goes with the last group. VFIO 6.12 does not tell when a
 * group leaves; a patch of ours makes it do so (vfio/patches). VFIO's own IOAS goes
 * then, or with the last device that is still open. If something uses it by its ID it
 * stays, but is no longer the container's when the next group comes.
 */
#include <linux/iommufd.h>
#include <uapi/linux/iommufd.h>

#include "context/reason.h"
#include "device/container.h"
#include "report/notice.h"
#include "space/ioas.h"

/**
 * iommufd_container_ioas - the IOAS that the legacy ioctls mean
 * @ctx: the context
 *
 * Return: the IOAS, to be given back by ioas_put(), or ERR_PTR(-ENODEV).
 */
struct ioas *iommufd_container_ioas(struct iommufd_ctx *ctx)
{
	return ioas_get(ctx, READ_ONCE(ctx->container.ioas_id)) ?:
		       ERR_PTR(-ENODEV);
}

/**
 * iommufd_container_ready_ioas - the same, for ioctls that type1 refuses before
 * SET_IOMMU
 * @ctx: the context
 *
 * An IOAS that the user has chosen can be used at once.
 *
 * Return: as iommufd_container_ioas(); also ERR_PTR(-EINVAL).
 */
struct ioas *iommufd_container_ready_ioas(struct iommufd_ctx *ctx)
{
	const struct container *container = &ctx->container;
	struct ioas *ioas;

	xa_lock(&ctx->objects);
	if (container->made && !container->set)
		ioas = ERR_PTR(-EINVAL);
	else
		ioas = iommufd_container_ioas(ctx);
	xa_unlock(&ctx->objects);
	return ioas;
}

/**
 * iommufd_container_explain - there is no IOAS
 * @ctx: the context
 * @none: what one of the two functions above has returned
 *
 * Return: its errno.
 */
int iommufd_container_explain(struct iommufd_ctx *ctx, const struct ioas *none)
{
	if (PTR_ERR(none) == -EINVAL)
		return iommufd_reason_note(ctx, -EINVAL,
					   "VFIO_SET_IOMMU has not been called since the first group was attached");
	return iommufd_reason_note(ctx, -ENODEV,
				   "no group is attached to the container, and no IOAS was chosen by IOMMU_VFIO_IOAS");
}

/**
 * iommufd_vfio_compat_ioas_get_id - the IOAS that devices of a group are attached
 * to
 * @ctx: the context that is the group's container
 * @id: set to the ID of the IOAS
 *
 * Return: 0 or -ENODEV.
 */
int iommufd_vfio_compat_ioas_get_id(struct iommufd_ctx *ctx, u32 *id)
{
	struct ioas *ioas;

	reason_begin(ctx);
	ioas = iommufd_container_ioas(ctx);
	if (IS_ERR(ioas)) {
		int rc = iommufd_container_explain(ctx, ioas);

		iommufd_notice_failed(ctx, "attach", rc);
		return rc;
	}
	*id = ioas->obj.id;
	ioas_put(ctx, ioas);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_ioas_get_id, "IOMMUFD_VFIO");

/**
 * iommufd_vfio_compat_set_no_iommu - a group without an IOMMU is attached
 * @ctx: the context that is to be its container
 *
 * Return: 0, or -EINVAL if it is the container of other groups already.
 */
int iommufd_vfio_compat_set_no_iommu(struct iommufd_ctx *ctx)
{
	struct container *container = &ctx->container;
	int rc = 0;

	xa_lock(&ctx->objects);
	if (container->ioas_id) {
		rc = -EINVAL;
	} else {
		container->no_iommu = true;
		container->groups++;
	}
	xa_unlock(&ctx->objects);
	return rc;
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_set_no_iommu, "IOMMUFD_VFIO");

/*
 * A group joins. Returns whether the IOAS @id has become the container's, or -EINVAL;
 * @left is set to a previous IOAS of VFIO's that is left over, referenced, or NULL.
 */
static int container_join(struct iommufd_ctx *ctx, u32 id, struct ioas **left)
{
	struct container *container = &ctx->container;
	int rc = -EINVAL;

	*left = NULL;
	xa_lock(&ctx->objects);
	if (container->no_iommu)
		goto out;
	if (!container->groups++ && container->made) {
		*left = ioas_get(ctx, container->ioas_id);
		WRITE_ONCE(container->ioas_id, 0);
	}
	rc = !container->ioas_id;
	if (rc) {
		WRITE_ONCE(container->ioas_id, id);
		container->made = true;
		container->set = false;
	}
out:
	xa_unlock(&ctx->objects);
	return rc;
}

static void drop_ioas(struct iommufd_ctx *ctx, struct ioas *ioas)
{
	if (ioas && iommufd_object_put_last(ctx, &ioas->obj))
		iommufd_object_abort(ctx, &ioas->obj);
}

/**
 * iommufd_vfio_compat_ioas_create - a group is attached: there must be an IOAS
 * @ctx: the context that is to be its container
 *
 * Makes one unless the user has chosen one. It is like any other: the user can
 * ask for its ID, and destroy it.
 *
 * Return: 0, -EINVAL if a group without an IOMMU is attached, -ENOMEM.
 */
int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ctx)
{
	struct ioas *ioas, *left;
	int rc;

	ioas = iommufd_ioas_alloc(ctx, NULL);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = container_join(ctx, ioas->obj.id, &left);
	if (rc > 0)
		iommufd_object_publish(ctx, &ioas->obj);
	else
		iommufd_object_abort(ctx, &ioas->obj);
	drop_ioas(ctx, left);
	return min(rc, 0);
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_ioas_create, "IOMMUFD_VFIO");

/**
 * iommufd_container_settle - a device or a group has left
 * @ctx: the context
 *
 * If it was the last, VFIO's IOAS goes, unless something else uses it.
 */
void iommufd_container_settle(struct iommufd_ctx *ctx)
{
	const struct container *container = &ctx->container;
	struct ioas *ioas = NULL;

	xa_lock(&ctx->objects);
	if (container->made && !container->groups)
		ioas = ioas_get(ctx, container->ioas_id);
	xa_unlock(&ctx->objects);
	drop_ioas(ctx, ioas);
}

/**
 * iommufd_vfio_compat_group_left - a group is detached, or has been closed
 * @ctx: the context that was its container, on which the caller has a reference
 */
void iommufd_vfio_compat_group_left(struct iommufd_ctx *ctx)
{
	struct container *container = &ctx->container;

	xa_lock(&ctx->objects);
	if (!WARN_ON(!container->groups) && !--container->groups)
		WRITE_ONCE(container->no_iommu, false);
	xa_unlock(&ctx->objects);
	iommufd_container_settle(ctx);
}
EXPORT_SYMBOL_NS_GPL(iommufd_vfio_compat_group_left, "IOMMUFD_VFIO");

/**
 * iommufd_container_choose - choose the IOAS that the legacy ioctls mean
 * @ctx: the context
 * @id: its ID, or 0 for none
 */
void iommufd_container_choose(struct iommufd_ctx *ctx, u32 id)
{
	xa_lock(&ctx->objects);
	WRITE_ONCE(ctx->container.ioas_id, id);
	ctx->container.made = false;
	xa_unlock(&ctx->objects);
}
