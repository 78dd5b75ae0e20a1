package cairn.server.nbd;

import org.slf4j.event.Level;

/** Keeps a peer from filling the log: what its connection is refused is told a few times, then only to debuggers. */
final class LogRation {
    static final int TOLD_MAX = 20;

    private int told;

    /** The level for something that the peer has brought about. */
    Level level(Level wanted) {
        if (told == TOLD_MAX) {
            return Level.DEBUG;
        }
        told++;
        return wanted;
    }
}
