package cairn.server.instance;

import cairn.image.Architecture;
import cairn.image.InstanceId;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Runs nothing: the operator's own hypervisor does, with the volumes over NBD. A machine runs from when it is started
 * until it is told to end.
 */
public final class RecordsLauncher implements Launcher {
    public static final String NAME = "none";

    private final Map<InstanceId, Runnable> running = new ConcurrentHashMap<>();

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean startsAtOnce() {
        return true;
    }

    @Override
    public void requireRoom(Architecture architecture, InstanceType type, int count) {
        // There is always room for one more record.
    }

    @Override
    public void start(Machine machine, Runnable onEnd) {
        running.put(machine.id(), onEnd);
    }

    @Override
    public boolean resume(Machine machine, Runnable onEnd) {
        start(machine, onEnd);
        return true;
    }

    @Override
    public boolean end(InstanceId id, boolean isAtOnce) {
        Runnable onEnd = running.remove(id);
        if (onEnd != null) {
            onEnd.run();
        }
        return onEnd != null;
    }

    @Override
    public Map<String, String> tags(InstanceId id) {
        return Map.of();
    }

    @Override
    public void forget(InstanceId id) {
        running.remove(id);
    }

    @Override
    public void close() {
        running.clear();
    }
}
