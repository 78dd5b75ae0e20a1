package cairn.server.ec2;

/** What a request that was checked does. Not called for a dry run. */
@FunctionalInterface
public interface Effect {
    /** @throws Ec2Failure as {@link Operation#prepare} does */
    Answer apply();
}
