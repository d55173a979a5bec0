// SPDX-License-Identifier: GPL-2.0-only
#include "must.h"

#include "inject.h"
#include "iommu.h"
#include "report.h"

int try_attach(struct worker *w, uint32_t pasid, uint32_t pt)
{
	return CALL(w, iommu_pasid_attach(w->context, w->engine.dev_id, pasid,
					  pt));
}

int must_detach(struct worker *w, uint32_t pasid)
{
	int rc = CALL(w, iommu_pasid_detach(w->context, w->engine.dev_id,
					    pasid));

	return rc ? broken(w, "detach of PASID %u: %d", pasid, rc) : 0;
}

int must_destroy(struct worker *w, uint32_t id)
{
	int rc = CALL(w, iommu_destroy(w->context, id));

	return rc ? broken(w, "destroy of %u: %d", id, rc) : 0;
}
