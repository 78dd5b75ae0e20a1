package cairn.server.nbd;

import cairn.server.volume.Volume;
import java.util.concurrent.atomic.AtomicInteger;

/** Closes a volume when its connection and the last of its reads have ended. Begun once when made; for any thread. */
final class VolumeUse {
    private final Volume volume;
    private final AtomicInteger uses = new AtomicInteger(1);

    VolumeUse(Volume volume) {
        this.volume = volume;
    }

    void begin() {
        uses.incrementAndGet();
    }

    void end() {
        if (uses.decrementAndGet() == 0) {
            volume.close();
        }
    }
}
