package cairn.server;

import cairn.api.GcMessages;
import cairn.api.GcMessages.Act;
import cairn.api.GcMessages.Done;
import cairn.api.GcMessages.Status;
import cairn.client.StoreClient;

/** Has a store's garbage collected, and waits for it. */
final class Garbage {
    private static final int PAUSE_MILLIS = 5;

    private Garbage() {}

    /**
     * Collects all that is dead, unfinished uploads included, and settles what may be settled.
     *
     * @throws AssertionError if a read has raised the alarm, or something failed
     */
    static Status collect(StoreClient client) throws InterruptedException {
        Done asked = client.gc(new Act(GcMessages.RUN, true));
        Status now = asked.status();
        while (now.runs() < asked.run()) {
            requireNoAlarm(now);
            Thread.sleep(PAUSE_MILLIS);
            now = client.gc();
        }
        requireNoAlarm(now);
        if (now.last().error() != null || now.last().extentsFailed() > 0) {
            throw new AssertionError("garbage was not collected: " + now.last());
        }
        return now;
    }

    /** @throws AssertionError if a read has raised it */
    static void requireNoAlarm(Status status) {
        if (status.alarm() != null) {
            throw new AssertionError("an item was read that was to be removed: " + status.alarm());
        }
    }
}
