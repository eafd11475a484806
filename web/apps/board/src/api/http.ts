/** Calls of the workspace API: one place that knows its envelope and its ways to fail. */

import type { Wanted } from "../data/session";
import { headersOf } from "./credentials";
import { takeAnswer, withQuery } from "./first-requests";
import type { FieldError } from "./types";

export interface Envelope<T> {
  readonly data: T;
  readonly message?: string;
}

export interface ListEnvelope<T> extends Envelope<readonly T[]> {
  readonly count: number;
  readonly total: number;
  readonly next_cursor: string | null;
}

/** The API answered, and said no. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly fields: readonly FieldError[];
  /** Seconds to wait before another try, where the answer said so. */
  readonly retryAfter: number | undefined;
  /** What the answer carried, such as the item as it is now beside a 412. */
  readonly data: unknown;

  constructor(status: number, body: unknown, retryAfter?: number) {
    const error = (typeof body === "object" && body !== null ? body : {}) as Record<
      string,
      unknown
    >;
    super(typeof error.message === "string" ? error.message : `HTTP ${status}`);
    this.status = status;
    this.code = typeof error.error === "string" ? error.error : "UNKNOWN";
    this.fields = Array.isArray(error.errors) ? (error.errors as FieldError[]) : [];
    this.data = error.data;
    this.retryAfter = retryAfter;
  }

  /** Whether the same call may succeed later without anybody changing it. */
  get passing(): boolean {
    return this.status === 429 || this.status >= 502;
  }
}

/** No answer came: no network, or nobody listens. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly query?: URLSearchParams | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** What calls need of whoever makes them. */
export interface HttpPorts {
  /** Told of every call whether the API could be reached. */
  reached(reached: boolean): void;
  /** What the calls are sent with, if anything. */
  secret(): string | undefined;
  /** The API does not know who asks: what it was given, what it wants, and its words. */
  unauthorized(secret: string | undefined, wanted: Wanted, message: string): void;
  /** The API knows who asks, and does not let them. */
  forbidden(): void;
}

/** How long an answer may take, in milliseconds. */
const PATIENCE = 30_000;

export class Http {
  /** Where the API's routes begin, such as http://localhost:3200/api/v1. */
  readonly base: string;
  private readonly ports: HttpPorts;

  constructor(base: string, ports: HttpPorts) {
    this.base = base;
    this.ports = ports;
  }

  async call<T>(path: string, call: Call = {}): Promise<T> {
    const headers: Record<string, string> = { accept: "application/json", ...call.headers };
    if (call.body !== undefined) headers["content-type"] = "application/json";
    const patience = AbortSignal.timeout(PATIENCE);
    const response = await this.send(this.base + withQuery(path, call.query), {
      method: call.method ?? "GET",
      headers,
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal: call.signal ? AbortSignal.any([call.signal, patience]) : patience,
    });
    const body: unknown = await response.json().catch(() => undefined);
    return body as T;
  }

  /** An answer that goes on; it is there once its head is. */
  async stream(path: string, query: URLSearchParams, signal: AbortSignal): Promise<Response> {
    const headers = { accept: "text/event-stream" };
    return this.send(this.base + withQuery(path, query), {
      method: "GET",
      headers,
      cache: "no-store",
      signal,
    });
  }

  /** Send a request, with who asks; only good answers come back. */
  private async send(
    url: string,
    init: RequestInit & { readonly headers: Record<string, string> },
  ): Promise<Response> {
    const own = init.headers.authorization === undefined;
    const secret = own ? this.ports.secret() : undefined;
    const headers = { ...headersOf(secret), ...init.headers };
    const response = await this.fetch(url, { ...init, headers });
    this.ports.reached(response.status < 502);
    if (response.ok) return response;
    const error = await errorOf(response);
    if (own && error.status === 401) {
      this.ports.unauthorized(secret, wantedBy(response), error.message);
    }
    if (own && error.status === 403) this.ports.forbidden();
    throw error;
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ((init.method === "GET" && takeAnswer(url)) || fetch(url, init));
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      this.ports.reached(false);
      throw new UnreachableError("The API does not answer.", { cause: error });
    }
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => undefined);
  return new ApiError(response.status, body, retryAfter(response));
}

function wantedBy(response: Response): Wanted {
  return /^apikey\b/i.test(response.headers.get("www-authenticate") ?? "") ? "key" : "token";
}

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds : undefined;
}
