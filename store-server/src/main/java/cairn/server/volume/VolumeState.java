package cairn.server.volume;

import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;

/**
 * What a writable volume is made of: a tree, and the layers of blocks above it.
 *
 * @param number by which its blocks are kept
 * @param sizeBytes at least the base's; what lies behind the base is zeros
 * @param domain where the base's pages and chunks are found, and new ones are kept
 * @param firstLayer the first layer that is not part of the base
 */
public record VolumeState(long number, long sizeBytes, DomainId domain, TreeRoot base, int firstLayer) {}
