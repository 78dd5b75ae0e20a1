package cairn.server.gc;

import static cairn.Fault.CONFLICT;

import cairn.StoreException;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.Epochs;
import cairn.server.storage.JsonRecords;
import cairn.server.storage.Ordinal;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The alarm that stops all deletion: something was read that nothing should refer to, so the collector is wrong about
 * what lives. It outlives the server, until somebody clears it. Safe for threads.
 */
final class Alarms {
    static final String KEY = "gc-alarm";

    private static final Logger log = LoggerFactory.getLogger(Alarms.class);

    private record AlarmRecord(String item, String ordinal, Instant at) {}

    private final Catalog catalog;
    private final Clock clock;
    private volatile Optional<GcStatus.Alarm> alarm;

    Alarms(Catalog catalog, Clock clock) {
        this.catalog = catalog;
        this.clock = clock;
        this.alarm = catalog.find(KEY).map(this::decode);
    }

    /** One that cannot be read is one nonetheless. */
    private GcStatus.Alarm decode(Catalog.Entry entry) {
        try {
            AlarmRecord read = JsonRecords.decode(entry, AlarmRecord.class);
            return new GcStatus.Alarm(read.item, read.ordinal, read.at);
        } catch (StoreException e) {
            return new GcStatus.Alarm("an item", "unknown", clock.instant());
        }
    }

    /** From here on nothing is removed. The first one is remembered. */
    void raise(Epochs.Alarm raised) {
        synchronized (this) {
            if (alarm.isPresent()) {
                return;
            }
            alarm = Optional.of(
                    new GcStatus.Alarm(raised.key().toString(), Ordinal.shown(raised.ordinal()), clock.instant()));
        }
        log.error("{} at {} was read though it was to be removed. Nothing is removed any more: report this, and clear"
                        + " it with `cairn gc --clear-alarm`", raised.key(), Ordinal.shown(raised.ordinal()));
        record(alarm.orElseThrow());
    }

    private void record(GcStatus.Alarm now) {
        try {
            AlarmRecord record = new AlarmRecord(now.item(), now.ordinal(), now.at());
            catalog.commit(List.of(new Change.PutIfAbsent(KEY, JsonRecords.encode(record))));
        } catch (RuntimeException e) {
            log.error("the alarm could not be recorded, and is forgotten when the server ends: {}", e.toString());
        }
    }

    Optional<GcStatus.Alarm> current() {
        return alarm;
    }

    /** @throws StoreException CONFLICT where there is one */
    void requireNone() {
        Optional<GcStatus.Alarm> now = alarm;
        if (now.isPresent()) {
            throw new StoreException(
                    CONFLICT, "nothing is removed since " + now.get().at() + ", for " + now.get().item()
                            + " was read though it was to be removed; `cairn gc --clear-alarm` clears this");
        }
    }

    synchronized void clear() {
        catalog.find(KEY).ifPresent(entry -> catalog.commit(List.of(new Change.Delete(KEY, entry.version()))));
        alarm = Optional.empty();
    }
}
