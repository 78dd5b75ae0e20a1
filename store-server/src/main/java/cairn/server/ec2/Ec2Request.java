package cairn.server.ec2;

import cairn.server.account.Caller;

/** A request for one operation, understood: its parameters are those that the operation's description names. */
public final class Ec2Request {
    private final String operation;
    private final Caller caller;
    private final String requestId;
    private final String host;
    private final Arguments arguments;
    private final String digest;

    /** @param digest of all parameters but those that choose a page */
    Ec2Request(
            String operation, Caller caller, String requestId, String host, Arguments arguments, String digest) {
        this.operation = operation;
        this.caller = caller;
        this.requestId = requestId;
        this.host = host;
        this.arguments = arguments;
        this.digest = digest;
    }

    public String operation() {
        return operation;
    }

    public Caller caller() {
        return caller;
    }

    public String requestId() {
        return requestId;
    }

    /** As the request's Host header names this server, with its port where one is named. */
    public String host() {
        return host;
    }

    public Arguments arguments() {
        return arguments;
    }

    /** Equal where everything that was asked is equal, but for the page: for tokens that idempotency or pages need. */
    public String digest() {
        return digest;
    }
}
