package cairn.server.instance;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a machine is given. Any name is taken, {@code t3.micro} as {@code m7g.micro}: only the size behind the last dot
 * counts, and one that is not known is {@link #USUAL}.
 */
public record InstanceType(String name, long memoryBytes, int cpus) {
    /** EC2's own, for those who name none. */
    public static final String DEFAULT_NAME = "m1.small";

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9.-]{0,63}");
    private static final long MIB = 1L << 20;

    private record Size(long memoryMib, int cpus) {}

    private static final Size USUAL = new Size(1024, 1);
    private static final Map<String, Size> SIZES = Map.of(
            "nano", new Size(512, 1),
            "micro", USUAL,
            "small", new Size(2048, 1),
            "medium", new Size(4096, 2),
            "large", new Size(8192, 2),
            "xlarge", new Size(16_384, 4));

    /** @throws StoreException INVALID_REQUEST for what is no name */
    public static InstanceType of(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "an instance type has 1 to 64 letters, digits, - and dots, not \"" + Text.shown(name) + '"');
        }
        Size size = SIZES.getOrDefault(name.substring(name.lastIndexOf('.') + 1), USUAL);
        return new InstanceType(name, size.memoryMib * MIB, size.cpus);
    }
}
