package cairn.server.volume;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.server.storage.VolumeBlocks;

/**
 * A layer of a volume's blocks, and what it holds of which chunk. As a {@link Place} it says that the block has a row
 * in this layer. Only the newest layer of a volume changes.
 */
record DirtyLayer(VolumeBlocks.Layer layer, DirtyMap states) implements Place {
    DirtyLayer(VolumeBlocks.Layer layer) {
        this(layer, new DirtyMap());
    }

    int number() {
        return layer.number();
    }

    /** What is to be said of a block that has a row here by its states, and none in truth. */
    StoreException missing(long block) {
        return new StoreException(
                CORRUPT, "block " + block + " of " + layer + " is missing, though its states name it");
    }
}
