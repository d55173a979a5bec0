// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "iosim.h"
#include "nesting.h"
#include "vfio.h"

#define ATTRIBUTES "kind=function vtd=1 pasid_bits=8 pci/ats=1"

/**
 * nesting_create() - make the function, and give it to vfio-pci
 * @bdf: set to its address
 * @size: of @bdf
 * @attributes: more than it has otherwise, as of iosim_create()
 *
 * Return: 0 or a negative errno.
 */
int nesting_create(char *bdf, size_t size, const char *attributes)
{
	char all[1024];
	struct vfio_pci pci;
	int rc;

	snprintf(all, sizeof(all), ATTRIBUTES " %s", attributes);
	rc = iosim_create(NESTING_NAME, all);
	if (!rc)
		rc = iosim_get(NESTING_NAME, "device", bdf, size);
	if (!rc)
		rc = vfio_at(bdf, &pci);
	return rc ?: vfio_take(&pci);
}

/**
 * nesting_start() - go on with the guest that selftests/vmm/booted has booted
 * @vmm: filled; to be given to vmm_kill() in any case
 * @name: of the logs
 *
 * Return: 0 or a negative errno.
 */
int nesting_start(struct vmm *vmm, const char *name)
{
	/* As in selftests/vmm/booted; an iommufd is no part of what has been saved. */
	static const char *const args[] = {
		"-machine", "q35", "-m", "128",
		"-device", NESTING_VTD,
		"-device", "pcie-root-port,id=root0,slot=1",
		"-object", "iommufd,id=iommufd",
		"-trace", "vtd_device_*",
		"-incoming", "file:/files/nested.state",
		NULL
	};
	int rc = vmm_start(vmm, name, args, "");

	return rc ?: vmm_wait_restored(vmm);
}

/**
 * nesting_plug() - plug the function into the guest
 * @vmm: from nesting_start()
 * @bdf: from nesting_create()
 *
 * Return: 0 or a negative errno.
 */
int nesting_plug(struct vmm *vmm, const char *bdf)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "{\"execute\": \"device_add\", \"arguments\": {"
		 "\"driver\": \"vfio-pci\", \"id\": \"" NESTING_NAME "\", "
		 "\"bus\": \"root0\", \"iommufd\": \"iommufd\", "
		 "\"host\": \"%s\"}}", bdf);
	return vmm_qmp(vmm, command);
}
