package cairn.server.nbd;

import cairn.server.volume.Volume;

/**
 * What client and server have agreed on.
 *
 * @param isStructured replies are structured ones
 * @param hasAllocation the client may ask where data and holes are
 */
record NbdSession(Volume volume, boolean isStructured, boolean hasAllocation) {}
