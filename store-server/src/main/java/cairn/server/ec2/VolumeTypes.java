package cairn.server.ec2;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * What EC2 allows of each type of volume. None of it means anything here, but whoever asks for something else would be
 * refused there.
 *
 * @see <a href="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html">EBS volume types</a>
 */
enum VolumeTypes {
    STANDARD("standard", 1, 1024),
    GP2("gp2", 1, 16_384),
    GP3("gp3", 1, 65_536, new Performance(3000, 80_000, 500, false), new Performance(125, 2000, 0, false)),
    IO1("io1", 4, 16_384, new Performance(100, 64_000, 50, true), null),
    IO2("io2", 4, 65_536, new Performance(100, 256_000, 1000, true), null),
    ST1("st1", 125, 16_384),
    SC1("sc1", 125, 16_384);

    /** As EC2 has it where a request names none. */
    static final VolumeTypes DEFAULT = GP2;

    private static final int IOPS_OF_A_MIB = 4;

    private final String label;
    private final long gibMin;
    private final long gibMax;
    private final Performance iops;
    private final Performance throughput;

    /**
     * Bounds of something that may be asked for.
     *
     * @param perGibMax 0: there is no such bound
     */
    private record Performance(long min, long max, long perGibMax, boolean isRequired) {}

    VolumeTypes(String label, long gibMin, long gibMax) {
        this(label, gibMin, gibMax, null, null);
    }

    VolumeTypes(String label, long gibMin, long gibMax, Performance iops, Performance throughput) {
        this.label = label;
        this.gibMin = gibMin;
        this.gibMax = gibMax;
        this.iops = iops;
        this.throughput = throughput;
    }

    String label() {
        return label;
    }

    static VolumeTypes of(String label) {
        for (VolumeTypes each : values()) {
            if (each.label.equals(label)) {
                return each;
            }
        }
        throw new IllegalStateException("no volume type " + label);
    }

    /** @throws Ec2Failure InvalidParameterValue */
    void requireSize(long gib) {
        if (gib < gibMin || gib > gibMax) {
            throw Ec2Failure.invalidValue(
                    "Size",
                    String.valueOf(gib),
                    "Volumes of type " + label + " have " + gibMin + " to " + gibMax + " GiB");
        }
    }

    /** @throws Ec2Failure MissingParameter, InvalidParameterCombination, InvalidParameterValue */
    Optional<Integer> iops(OptionalLong asked, long gib) {
        if (iops == null && asked.isPresent()) {
            throw new Ec2Failure(
                    "InvalidParameterCombination", "The parameter iops is not supported for " + label + " volumes.");
        }
        if (iops != null && iops.isRequired && asked.isEmpty()) {
            throw new Ec2Failure(
                    "MissingParameter", "The parameter iops must be specified for " + label + " volumes.");
        }
        return checked("Iops", iops, asked, gib);
    }

    /**
     * @param iopsAsked empty: what the type has
     * @throws Ec2Failure InvalidParameterDependency, InvalidParameterValue
     */
    Optional<Integer> throughput(OptionalLong asked, Optional<Integer> iopsAsked, long gib) {
        if (throughput == null && asked.isPresent()) {
            throw new Ec2Failure(
                    "InvalidParameterDependency",
                    "The parameter throughput is not supported for " + label + " volumes.");
        }
        Optional<Integer> found = checked("Throughput", throughput, asked, gib);
        found.filter(mib -> mib * (long) IOPS_OF_A_MIB > iopsAsked.map(Integer::longValue).orElse(iops.min))
                .ifPresent(mib -> {
                    throw Ec2Failure.invalidValue(
                            "Throughput", String.valueOf(mib), "A MiB a second takes " + IOPS_OF_A_MIB + " iops");
                });
        return found;
    }

    /** What a volume of this type has where nothing was asked for. */
    Optional<Long> defaultIops(long gib) {
        return switch (this) {
            case GP2 -> Optional.of(Math.min(16_000, Math.max(100, 3 * gib)));
            case GP3 -> Optional.of(iops.min);
            default -> Optional.empty();
        };
    }

    Optional<Long> defaultThroughput() {
        return Optional.ofNullable(throughput).map(Performance::min);
    }

    boolean isMultiAttach() {
        return this == IO1 || this == IO2;
    }

    private Optional<Integer> checked(String name, Performance bounds, OptionalLong asked, long gib) {
        if (asked.isEmpty()) {
            return Optional.empty();
        }
        long value = asked.getAsLong();
        // The least that there is may be had whatever the size.
        boolean isTooMuch = bounds.perGibMax > 0 && value > Math.max(bounds.min, bounds.perGibMax * gib);
        if (value < bounds.min || value > bounds.max || isTooMuch) {
            throw Ec2Failure.invalidValue(
                    name,
                    String.valueOf(value),
                    "Volumes of type " + label + " have " + bounds.min + " to " + bounds.max
                            + (bounds.perGibMax > 0 ? ", at most " + bounds.perGibMax + " a GiB" : ""));
        }
        return Optional.of(Math.toIntExact(value));
    }
}
