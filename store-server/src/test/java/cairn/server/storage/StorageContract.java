package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.VolumeBlocks.Layer;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What holds for any {@link Storage} as a whole; the base of the contracts of its parts. */
abstract class StorageContract {
    Storage storage;

    /** A storage that holds nothing yet. */
    abstract Storage newStorage();

    @BeforeEach
    void open() {
        storage = newStorage();
    }

    @AfterEach
    void close() {
        storage.close();
    }

    @Test
    void hasRoomForMore() {
        assertTrue(storage.usableBytes() > 0);
    }

    @Test
    void refusesEverythingOnceClosed() {
        VolumeBlocks blocks = storage.volumeBlocks();
        Layer layer = new Layer(1, 0);
        ByteBuffer block = ByteBuffer.allocateDirect(VolumeBlocks.BLOCK_BYTES);
        VolumeBlocks.Batch batch = blocks.begin(layer);

        storage.close();

        assertFault(Fault.SHUTTING_DOWN, () -> storage.segments().append(Items.key(1), new byte[1], 0, 1));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.segments().seal());
        assertFault(Fault.SHUTTING_DOWN, () -> storage.segments().abandon());
        assertFault(Fault.SHUTTING_DOWN, () -> storage.segments().read(1, Items.key(1)));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.segments().readRun(0, Long.MAX_VALUE, 1));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.segments().storedBytes());
        assertFault(Fault.SHUTTING_DOWN, () -> storage.index().find(DomainId.PUBLIC, Items.key(1)));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.index().putAll(List.of()));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.index().count(0));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.index().children(1));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.index().removeAll(List.of()));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.index().removeAll(List.of(), List.of()));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.index().forEach(0, row -> {}));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.index().storedBytes());
        assertFault(Fault.SHUTTING_DOWN, () -> storage.catalog().find("a"));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.catalog().list("", "", 1));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.catalog().commit(List.of()));
        assertFault(Fault.SHUTTING_DOWN, () -> batch.putBlock(1, block));
        assertFault(Fault.SHUTTING_DOWN, () -> batch.removeBlock(1));
        assertFault(Fault.SHUTTING_DOWN, () -> batch.putStates(1, 1));
        assertFault(Fault.SHUTTING_DOWN, () -> batch.commit(false));
        batch.close();
        assertFault(Fault.SHUTTING_DOWN, () -> blocks.begin(layer));
        assertFault(Fault.SHUTTING_DOWN, blocks::sync);
        assertFault(Fault.SHUTTING_DOWN, () -> blocks.read(layer, 1, block.clear()));
        assertFault(Fault.SHUTTING_DOWN, () -> blocks.tryRead(layer, 1, block.clear()));
        assertFault(Fault.SHUTTING_DOWN, () -> blocks.forEachStates(1, 0, (number, chunk, states) -> {}));
        assertFault(Fault.SHUTTING_DOWN, () -> blocks.removeLayers(1, 1));
        assertFault(Fault.SHUTTING_DOWN, () -> blocks.removeVolume(1));
        assertFault(Fault.SHUTTING_DOWN, blocks::storedBytes);
        assertFault(Fault.SHUTTING_DOWN, () -> storage.pendingBlocks().putAll(List.of()));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.pendingBlocks().list(1, 0, 1));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.pendingBlocks().remove(1));
        assertFault(Fault.SHUTTING_DOWN, () -> storage.pendingBlocks().forEachSnapshot(number -> {}));
    }

    @Test
    void mayBeClosedTwice() {
        storage.close();
        storage.close();

        assertFault(Fault.SHUTTING_DOWN, () -> storage.catalog().find("a"));
    }

    static StoreException assertFault(Fault fault, Executable call) {
        StoreException e = assertThrows(StoreException.class, call);
        assertEquals(fault, e.fault(), e.getMessage());
        return e;
    }
}
