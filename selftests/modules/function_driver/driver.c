// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a driver of any device does: it finds its registers, asks for an interrupt and for
 * memory that the device can reach, and submits descriptors. For tests only.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/module.h>

#include "driver.h"

/* A host that is busy takes its time. */
#define DOORBELL_US	(20 * USEC_PER_SEC)

#define VENDOR	0x1d6b
#define DEVICE	0x494f

/**
 * function_submit - let the function take a descriptor
 * @function: the function
 * @desc: the descriptor
 *
 * Return: 0, or -ETIMEDOUT if it has not been taken.
 */
int function_submit(struct function *function, const struct iosim_desc *desc)
{
	u32 rung;

	memcpy_toio(function->registers + IOSIM_REG_DESC, desc, sizeof(*desc));
	/* writel() is ordered behind what was written before. */
	writel(1, function->registers + IOSIM_REG_DOORBELL);
	return readl_poll_timeout(function->registers + IOSIM_REG_DOORBELL, rung,
				  !rung, 100, DOORBELL_US);
}

static irqreturn_t interrupt(int irq, void *data)
{
	struct function *function = data;

	complete(&function->interrupt);
	return IRQ_HANDLED;
}

static int use_interrupt(struct function *function)
{
	struct pci_dev *pdev = function->pdev;
	int rc;

	rc = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSIX | PCI_IRQ_MSI);
	if (rc < 0)
		return rc;
	return devm_request_irq(&pdev->dev, pci_irq_vector(pdev, 0), interrupt,
				0, KBUILD_MODNAME, function);
}

/* No coherent memory: it is to be mapped in a domain of our own, too. */
static int map_record(struct function *function)
{
	struct device *dev = &function->pdev->dev;

	function->record = (void *)devm_get_free_pages(dev, GFP_KERNEL, 0);
	if (!function->record)
		return -ENOMEM;
	function->record_at = dma_map_single(dev, function->record, PAGE_SIZE,
					     DMA_BIDIRECTIONAL);
	return dma_mapping_error(dev, function->record_at);
}

static void unmap_record(struct function *function)
{
	dma_unmap_single(&function->pdev->dev, function->record_at, PAGE_SIZE,
			 DMA_BIDIRECTIONAL);
}

static int function_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct function *function;
	int rc;

	function = devm_kzalloc(dev, sizeof(*function), GFP_KERNEL);
	if (!function)
		return -ENOMEM;
	function->pdev = pdev;
	mutex_init(&function->lock);
	init_completion(&function->interrupt);
	pci_set_drvdata(pdev, function);

	rc = pcim_enable_device(pdev);
	if (rc)
		return rc;
	function->registers = pcim_iomap(pdev, IOSIM_REGION_REGISTERS, 0);
	if (!function->registers)
		return -ENOMEM;
	if (readl(function->registers + IOSIM_REG_MAGIC) != IOSIM_MAGIC)
		return -ENODEV;
	rc = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (rc)
		return rc;
	rc = use_interrupt(function);
	if (rc)
		return rc;
	rc = map_record(function);
	if (rc)
		return rc;
	pci_set_master(pdev);
	return 0;
}

static void function_remove(struct pci_dev *pdev)
{
	struct function *function = pci_get_drvdata(pdev);

	pci_clear_master(pdev);
	unmap_record(function);
}

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(VENDOR, DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ids);

static const struct attribute_group *groups[] = { &check_group, NULL };

static struct pci_driver function_driver = {
	.name = KBUILD_MODNAME,
	.id_table = ids,
	.probe = function_probe,
	.remove = function_remove,
	.dev_groups = groups,
};
module_pci_driver(function_driver);

MODULE_DESCRIPTION("Drives the simulator's functions of PCI, for tests");
MODULE_LICENSE("GPL");
