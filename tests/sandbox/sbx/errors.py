# SPDX-License-Identifier: MIT
"""The one table of errors, for both services.

Purpose: every refusal of the sandbox is named here with its HTTP status, code, subcode, type and text,
so that a test and a reader find the whole contract in one place.
Ownership: no state. `GraphError` and `PdError` are raised by handlers and turned into an answer by the
dispatcher. Can fail: an unknown key is a programming mistake (KeyError -> HTTP 500 by the dispatcher).
"""
import secrets

_O = "OAuthException"
_G = "GraphMethodException"

# key: (HTTP status, code, subcode or None, type, text, extra members)
GRAPH = {
    # tokens -------------------------------------------------------------------------------------
    "no_token":        (400, 104, None, _O, "An access token is required to request this resource.", {}),
    "no_token_me":     (400, 2500, None, _O, "An active access token must be used to query information about the current user.", {}),
    "token_bad":       (0, 190, None, _O, "Invalid OAuth access token - Cannot parse access token", {}),
    "token_signature": (0, 190, None, _O, "Invalid OAuth access token signature.", {}),
    "token_expired":   (0, 190, 463, _O, "Error validating access token: Session has expired on {when}. The current time is {now}.", {}),
    "token_dead_0":    (0, 190, None, _O, "Any of the pages_read_engagement, pages_manage_metadata, pages_messaging permission(s) must be granted before impersonating a user's page.", {}),
    "token_dead_452":  (0, 190, 452, _O, "Error validating access token: Session does not match current stored session.", {}),
    "token_dead_458":  (0, 190, 458, _O, "Error validating access token: The user has not authorized application {app}.", {}),
    "token_dead_459":  (0, 190, 459, _O, "Error validating access token: You cannot access the app till you log in to www.facebook.com and follow the instructions given.", {}),
    "token_dead_460":  (0, 190, 460, _O, "Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons.", {}),
    "token_dead_463":  (0, 190, 463, _O, "Error validating access token: Session has expired.", {}),
    "token_dead_464":  (0, 190, 464, _O, "Error validating access token: Sessions for the user are not allowed because the user is not a confirmed user.", {}),
    "token_dead_467":  (0, 190, 467, _O, "Error validating access token: The access token is invalid since the user logged out.", {}),
    "token_dead_490":  (0, 190, 490, _O, "Error validating access token: The user is enrolled in a blocking, logged-in checkpoint", {}),
    "token_dead_492":  (0, 190, 492, _O, "Error validating access token: The user does not have the appropriate role on the Page, or two-factor authentication is required.", {}),
    "token_dead":      (0, 190, -1, _O, "Error validating access token: The session is invalid.", {}),
    "session":         (400, 102, None, _O, "Session key invalid or no longer valid", {}),
    "proof_missing":   (400, 100, None, _G, "This API call requires an appsecret_proof argument", {}),
    "proof_wrong":     (400, 100, None, _G, "Invalid appsecret_proof provided in the API argument", {}),
    "page_token":      (403, 210, None, _O, "(#210) A page access token is required to request this resource.", {}),
    "user_token":      (400, 100, None, _O, "(#100) A user access token is required for this call.", {}),
    "app_token":       (400, 15, None, _O, "(#15) This method must be called with an app access_token.", {}),
    "debug_caller":    (400, 100, None, _O, "(#100) You must provide an app access token, or a user access token that is an owner or developer of the app", {}),
    # OAuth dialog and exchange --------------------------------------------------------------------
    "code_used":       (400, 100, 36009, _O, "This authorization code has been used.", {}),
    "code_bad":        (400, 100, 36009, _O, "Invalid verification code format.", {}),
    "code_expired":    (400, 100, 36007, _O, "This authorization code has expired.", {}),
    "code_redirect":   (400, 100, 36008, _O, "Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request", {}),
    "app_bad":         (400, 101, None, _O, "Error validating application. Cannot get application info due to a system error.", {}),
    "secret_bad":      (400, 1, None, _O, "Error validating client secret.", {}),
    "param_missing":   (400, 100, None, _O, "Missing {name} parameter", {}),
    # general --------------------------------------------------------------------------------------
    "path":            (400, 2500, None, _O, "Unknown path components: /{path}", {}),
    "syntax":          (400, 2500, None, _O, "Syntax error \"Expected end of string instead of \"{at}\".\" at character {pos}: {text}", {}),
    "alias":           (404, 803, None, _O, "(#803) Some of the aliases you requested do not exist: {id}", {}),
    "object":          (400, 100, 33, _G, "Unsupported {verb} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation", {}),
    "field":           (400, 100, None, _O, "(#100) Tried accessing nonexisting field ({field}) on node type ({node})", {}),
    "param":           (400, 100, None, _O, "(#100) {text}", {}),
    "method":          (400, 100, None, _G, "Unsupported {verb} request.", {}),
    "reduce":          (500, 1, None, _O, "Please reduce the amount of data you're asking for, then retry your request", {}),
    "unknown":         (500, 1, 99, _O, "An unknown error occurred", {}),
    "transient":       (500, 2, None, _O, "An unexpected error has occurred. Please retry your request later.", {"is_transient": True}),
    "app_limit":       (403, 4, None, _O, "(#4) Application request limit reached", {"is_transient": True}),
    "page_limit":      (403, 32, None, _O, "(#32) Page request limit reached", {}),
    "conv_limit":      (400, 80006, None, _O, "(#80006) There have been too many calls to this messenger account. Wait a bit and try again.", {}),
    "rate":            (400, 613, None, _O, "(#613) Calls to this api have exceeded the rate limit.", {}),
    "permission":      (403, 200, None, _O, "(#200) Requires {name} permission to manage the object.", {}),
    "perm_field":      (403, 230, None, _O, "(#230) Requires {name} permission to manage the object", {}),
    "role":            (403, 200, None, _O, "(#200) User does not have sufficient administrative permission for this action on this page.", {}),
    # sending --------------------------------------------------------------------------------------
    "no_match":        (400, 100, 2018001, _O, "(#100) No matching user found", {}),
    "too_long":        (400, 100, None, _O, "(#100) Length of param message[text] must be less than or equal to 2000", {}),
    "tag_type":        (400, 100, None, _O, "(#100) Messaging type should be MESSAGE_TAG for tagged messages", {}),
    "tag_retired":     (400, 100, 1893061, _O, "Invalid parameter", {"error_user_title": "Message tag not supported", "error_user_msg": "This message tag is no longer supported."}),
    "window":          (400, 10, 2018278, _O, "(#10) This message is sent outside of allowed window.", {}),
    "human_agent":     (403, 10, None, _O, "(#10) To use 'Human Agent', your use of this endpoint must be reviewed and approved by Facebook. To submit this 'Human Agent' feature for review please read our documentation on reviewable features.", {}),
    "unavailable":     (400, 551, 1545041, _O, "(#551) This person isn't available right now.", {"error_user_title": "Person unavailable", "error_user_msg": "This person isn't available right now."}),
    "not_live":        (403, 200, 2018028, _O, "(#200) Cannot message users who are not admins, developers or testers of the app until pages_messaging permission is reviewed and the app is live.", {}),
    "other_app":       (403, 10, 2018300, _O, "(#10) Message Not Sent: Another app is controlling this thread now.", {}),
    "not_default":     (403, 10, None, _O, "(#10) Only the default app of the Page may take control of a thread.", {}),
    "not_owner":       (400, 100, 2534037, _O, "(#100) The app is not the owner of this thread.", {}),
    "restricted":      (403, 10, 1893063, _O, "(#10) This Page is temporarily restricted from sending messages.", {}),
    "blocked368":      (403, 368, None, _O, "(#368) The action attempted has been deemed abusive or is otherwise disallowed", {}),
    "media_fetch":     (400, 100, 2018008, _O, "(#100) Failed to fetch the file from the url", {}),
    "media_large":     (400, 100, 2018109, _O, "(#100) Attachment size exceeds allowable limit", {}),
    "media_type":      (400, 100, 2018047, _O, "(#100) Upload attachment failure. A common way to trigger this error is that the provided media type does not match type of file provided int the URL", {}),
    "media_id":        (400, 100, 2018074, _O, "(#100) Invalid attachment id: the attachment does not exist or has expired", {}),
    "media_gone":      (400, 100, 2018164, _O, "(#100) The attachment could not be uploaded", {}),
    # profile, history -----------------------------------------------------------------------------
    "profile_none":    (400, 100, 2018218, _O, "(#100) No profile available for this user.", {}),
    "profile_access":  (400, 100, 2018247, _O, "(#100) Insufficient permission to access user profile.", {}),
    "profile_10":      (403, 10, None, _O, "(#10) Application does not have permission for this action", {}),
    "handshake":       (400, 2200, None, _O, "(#2200) Callback verification failed with the following errors: {text}", {}),
    "deleted":         (400, 9000001, None, _O, "(#9000001) This message is deleted or can no longer be read.", {}),
}

RETIRED_TAGS = ("CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE")

# Pipedrive: key: (HTTP status, body)
_INFO = "Please check developers.pipedrive.com"
PD = {
    "unauthorized":  (401, {"success": False, "error": "unauthorized access", "errorCode": 401, "error_info": _INFO}),
    "scope":         (403, {"success": False, "error": "Scope and URL mismatch", "errorCode": 403, "error_info": _INFO}),
    "forbidden":     (403, {"success": False, "error": "You do not have permissions to do this", "error_info": _INFO, "data": None, "additional_data": None}),
    "hook_forbidden": (403, {"success": False, "message": "Forbidden"}),
    "hook_missing":  (404, {"status": "error", "success": False, "errors": {"id": ["not found"]}}),
    "hook_limit":    (422, {"status": "error", "success": False, "errors": {"webhook": ["webhooks limit reached"]}}),
    "user_missing":  (404, {"success": False, "error": "User not found or not accessible."}),
    "lead_missing":  (404, {"success": False, "error": "requested lead not found", "error_info": "Object was not found.", "data": None, "additional_data": None}),
    "missing":       (404, {"success": False, "error": "Entity was not found", "error_info": "Object was not found.", "data": None, "additional_data": None}),
    "deals_limit":   (403, {"success": False, "error": "Couldn't add the deal. Open deals limit reached.", "error_info": "Please check developers.pipedrive.com for more information about Pipedrive API.", "data": None, "additional_data": None, "code": "feature_capping_deals_limit"}),
    "burst":         (429, {"success": False, "error": "Request over limit", "errorCode": 429, "error_info": _INFO}),
    "method":        (405, {"success": False, "error": "Method not allowed", "errorCode": 405, "error_info": _INFO}),
    "not_open":      (402, {"success": False, "error": "Company account is not open", "errorCode": 402, "error_info": _INFO}),
}

# OAuth at Pipedrive: key: (HTTP status, error, text)
PD_OAUTH = {
    "grant_missing":    (400, "invalid_request", "Missing parameter: `grant_type`"),
    "grant_type":       (400, "unsupported_grant_type", "Unsupported grant type: `grant_type` is invalid"),
    "code_bad":         (400, "invalid_grant", "Invalid grant: `authorization_code` is invalid"),
    "code_expired":     (400, "invalid_grant", "Invalid grant: `authorization_code` has expired"),
    "refresh_bad":      (400, "invalid_grant", "Invalid grant: `refresh_token` is invalid"),
    "client_missing":   (400, "invalid_client", "Invalid client: cannot retrieve client credentials"),
    "client_bad":       (400, "invalid_client", "Invalid client: client is invalid"),
    "redirect_form":    (400, "invalid_request", "Invalid request: `redirect_uri` is not a valid URI"),
    "redirect_bad":     (400, "invalid_request", "Invalid request: `redirect_uri` is invalid"),
    "content_type":     (400, "invalid_request", "Invalid request: content must be application/x-www-form-urlencoded"),
    "company":          (400, "invalid_request", "App cannot be installed for requested company"),
}


def trace_id():
    """A plausible fbtrace_id; tests must not rely on its value."""
    return "A" + secrets.token_urlsafe(8)[:10]


class GraphError(Exception):
    """A refusal by the Graph API; `key` names a row of GRAPH."""

    def __init__(self, key, **fmt):
        super().__init__(key)
        self.key, self.fmt = key, fmt

    def answer(self, status_190=400):
        """-> (HTTP status, body object, extra header list)."""
        status, code, sub, typ, text, extra = GRAPH[self.key]
        text = text.format(**self.fmt) if self.fmt else text
        if sub == -1:
            sub = self.fmt.get("subcode")
        err = {"message": text, "type": typ, "code": code}
        if sub is not None:
            err["error_subcode"] = sub
        err.update(extra)
        err["fbtrace_id"] = trace_id()
        headers = []
        if code in (190, 104, 2500) and (code == 190 or "token" in text):
            kind = "invalid_token" if code == 190 else "invalid_request"
            headers.append(("WWW-Authenticate", 'OAuth "Facebook Platform" "%s" "%s"' % (kind, text.replace('"', "'"))))
        return status or status_190, {"error": err}, headers


class PdError(Exception):
    """A refusal by the Pipedrive API; `key` names a row of PD, or a ready (status, body)."""

    def __init__(self, key=None, status=None, body=None, headers=None):
        super().__init__(key or str(status))
        if key:
            status, body = PD[key]
        self.status, self.body, self.headers = status, body, headers or []


def pd_invalid(text):
    """v2 validation refusal (form as reported by third parties)."""
    return PdError(status=400, body={"success": False, "error": text, "code": "ERR_SCHEMA_VALIDATION_FAILED"})


def pd_refused(text, status=400):
    """The common form of a refusal, v1 and v2."""
    return PdError(status=status, body={"success": False, "error": text, "error_info": _INFO + " for more information about Pipedrive API.",
                                        "data": None, "additional_data": None})


class ControlError(Exception):
    """A mistake of the caller of the control interface."""
