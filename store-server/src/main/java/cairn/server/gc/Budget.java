package cairn.server.gc;

import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;

/**
 * How much of the machine the collector takes.
 *
 * @param bytesPerSecond that are read or written when extents are rewritten; 0: as many as may be
 * @param cpuPercent of one CPU, from 1 to 100, which is all of one
 */
public record Budget(long bytesPerSecond, int cpuPercent) {
    /** As fast as it goes. */
    public static final Budget NONE = new Budget(0, 100);
    /** Of what goes on in the background. */
    public static final Budget BACKGROUND = new Budget(64L << 20, 50);

    public Budget {
        if (bytesPerSecond < 0 || cpuPercent < 1 || cpuPercent > 100) {
            throw new StoreException(INVALID_REQUEST, "a budget of " + bytesPerSecond + " bytes a second and " + cpuPercent
                    + " percent of a CPU makes no sense");
        }
    }
}
