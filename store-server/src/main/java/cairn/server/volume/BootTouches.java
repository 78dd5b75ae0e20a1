package cairn.server.volume;

import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * Passes on what is touched of a writable volume to the boot under way. One boot at a time: what one client touches can
 * not be told from what another does. Safe for threads.
 */
final class BootTouches implements LongConsumer {
    private volatile Boot boot = Boot.unknown();

    @Override
    public void accept(long position) {
        boot.touched(position);
    }

    /** Begins a boot, unless one is under way; whoever gets it closes it. */
    synchronized Boot begin(Supplier<Boot> next) {
        if (!boot.hasLeft()) {
            return Boot.unknown();
        }
        boot = next.get();
        return boot;
    }
}
