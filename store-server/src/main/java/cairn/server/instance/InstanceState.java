package cairn.server.instance;

/** Where an instance is between its launch and its end, in EC2's words and numbers. */
public enum InstanceState {
    PENDING(0, "pending"),
    RUNNING(16, "running"),
    SHUTTING_DOWN(32, "shutting-down"),
    TERMINATED(48, "terminated"),
    STOPPING(64, "stopping"),
    STOPPED(80, "stopped");

    private final int code;
    private final String label;

    InstanceState(int code, String label) {
        this.code = code;
        this.label = label;
    }

    public int code() {
        return code;
    }

    public String label() {
        return label;
    }

    /** Whether it is gone, or as good as: nothing brings it back. */
    public boolean isEnding() {
        return this == SHUTTING_DOWN || this == TERMINATED;
    }
}
