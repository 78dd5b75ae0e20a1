package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.MemoryStorage;
import cairn.server.storage.TestDisk;
import cairn.server.volume.LiveVolume;
import cairn.server.volume.Volume;
import cairn.server.volume.VolumeState;
import cairn.server.volume.Volumes;
import io.netty.buffer.Unpooled;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EphemeralVolumeTest {
    private static final int MIB = 1 << 20;
    private static final DomainId DOMAIN = new DomainId(1);

    private final MemoryStorage storage = new MemoryStorage();
    private final ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
    private final Volumes volumes = new Volumes(chunks, storage.volumeBlocks(), 4 * MIB, MIB);
    private final AtomicInteger told = new AtomicInteger();
    private final AtomicInteger toldOfLooks = new AtomicInteger();

    @AfterEach
    void close() {
        volumes.close();
        storage.close();
    }

    private EphemeralVolume open() {
        VolumeState state = new VolumeState(1, MIB, DOMAIN, TestDisk.random(1, MIB).put(chunks, DOMAIN), 0);
        try (LiveVolume live = volumes.live(1, () -> state)) {
            return new EphemeralVolume(live.connect(true), told::incrementAndGet, toldOfLooks::incrementAndGet);
        }
    }

    @Test
    void passesOnEverythingThatAVolumeCan() throws NoSuchMethodException {
        for (Method method : Volume.class.getMethods()) {
            if (!Modifier.isStatic(method.getModifiers())) {
                Method ours = EphemeralVolume.class.getMethod(method.getName(), method.getParameterTypes());
                assertEquals(EphemeralVolume.class, ours.getDeclaringClass(), method.toString());
            }
        }
    }

    @Test
    void tellsOnceThatItsClientHasLeft() {
        EphemeralVolume volume = open();
        assertTrue(volume.isWritable());
        volume.write(0, Unpooled.directBuffer().writeZero(512), false).join();

        volume.close();
        volume.close();

        assertEquals(1, told.get());
        assertEquals(0, toldOfLooks.get());
        assertFalse(volume.flush().isDone() && !volume.flush().isCompletedExceptionally(), "it is closed");
    }

    @Test
    void whoeverHasOnlyLookedWasNoClient() {
        EphemeralVolume volume = open();
        assertEquals(MIB, volume.sizeBytes());

        volume.close();
        volume.close();

        assertEquals(0, told.get());
        assertEquals(1, toldOfLooks.get());
    }
}
