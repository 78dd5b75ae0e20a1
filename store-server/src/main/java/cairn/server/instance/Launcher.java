package cairn.server.instance;

import cairn.StoreException;
import cairn.image.Architecture;
import cairn.image.InstanceId;
import java.util.Map;

/**
 * Runs the machines of instances. Calls about one instance come one after the other; those about several come at once.
 *
 * <p>A machine ends when it is told to, or by itself; either way whoever has started or resumed it is told so once, on
 * any thread.
 */
public interface Launcher extends AutoCloseable {
    /** By which an instance remembers who runs it. */
    String name();

    /** Whether {@link #start} takes no time; such a machine may get and lose disks while it runs. */
    boolean startsAtOnce();

    /**
     * Refuses early what {@link #start} would refuse.
     *
     * @throws StoreException CONFLICT if there is no room for so many more; NOT_FOUND if what runs them is not
     *     installed; INVALID_REQUEST for an architecture that is not run here
     */
    void requireRoom(Architecture architecture, InstanceType type, int count);

    /**
     * Returns when the machine runs.
     *
     * @param onEnd called when it does no longer
     * @throws StoreException as {@link #requireRoom}; UNAVAILABLE if it does not start: then {@code onEnd} is not
     *     called
     */
    void start(Machine machine, Runnable onEnd);

    /**
     * Takes on a machine that an earlier server has started.
     *
     * @param onEnd called when it ends, if it is still running
     * @return whether it is
     */
    boolean resume(Machine machine, Runnable onEnd);

    /**
     * Has a machine end.
     *
     * @param isAtOnce as if its power failed; else it is asked to, and only in the end made to
     * @return whether there is one, of whose end will be told
     */
    boolean end(InstanceId id, boolean isAtOnce);

    /** What there is to know of a running machine, as tags. */
    Map<String, String> tags(InstanceId id);

    /** Removes what is kept of a machine that has ended and will not come back. */
    void forget(InstanceId id);

    /** Machines that run go on without this server. */
    @Override
    void close();
}
