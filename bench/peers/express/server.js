// The routes that bench_workspace_api.py measures, as one writes them with Express:
// the same database, envelope, headers, limits, metrics and checks as workspace-api.
import cluster from 'node:cluster'
import { randomUUID } from 'node:crypto'
import cors from 'cors'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import helmet from 'helmet'
import pg from 'pg'
import client from 'prom-client'

const workers = Number(process.env.WORKERS ?? 1)
if (cluster.isPrimary && workers > 1) {
  for (let n = 0; n < workers; n += 1) cluster.fork()
} else {
  serve()
}

function serve() {
  const pool = new pg.Pool({
    host: '127.0.0.1',
    port: Number(process.env.PGPORT),
    database: process.env.PGDATABASE,
    user: 'postgres',
    max: 20,
    application_name: 'workspace-api',
  })
  const durations = new client.Histogram({
    name: 'request_duration_seconds',
    help: 'Seconds',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10],
  })
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.use((request, response, next) => {
    const end = durations.startTimer()
    response.set('x-correlation-id', request.get('x-correlation-id') ?? randomUUID())
    response.on('finish', () => {
      const route = request.route?.path ?? 'unmatched'
      end({ method: request.method, route, status: response.statusCode })
    })
    next()
  })
  app.use(helmet())
  app.use(cors({ origin: 'http://localhost:3103' }))
  app.use(express.json({ limit: '1mb' }))
  const unlimited = { windowMs: 60000, limit: 1e9, standardHeaders: 'draft-6' }
  app.use(rateLimit({ ...unlimited, legacyHeaders: false }))
  app.get('/api/v1/items', (request, response) => list(pool, request, response))
  app.get('/api/v1/items/:id', (request, response) => one(pool, request, response))
  app.post('/api/v1/items', (request, response) => create(pool, request, response))
  app.get('/ready', async (_request, response) => {
    await pool.query('SELECT 1')
    response.json({ status: 'healthy' })
  })
  app.use((error, _request, response, _next) => {
    response.status(error.status ?? 500)
    response.json({ success: false, error: 'ERROR', message: String(error.message) })
  })
  app.listen(Number(process.env.PORT), '127.0.0.1')
}

const COLUMNS = `id::text, title, description, category, priority, status, tags, metadata,
  trim_scale(position)::text AS position, version, created_at, updated_at, created_by,
  updated_by`

async function list(pool, request, response) {
  const limit = Number(request.query.limit ?? 100)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) return bad(response, 'limit')
  const offset = Number(request.query.offset ?? 0)
  if (!Number.isInteger(offset) || offset < 0) return bad(response, 'offset')
  const [page, total] = await Promise.all([
    pool.query({
      name: 'list',
      text: `SELECT ${COLUMNS} FROM workspace.workspace_items
        ORDER BY created_at DESC, workspace_items.id DESC LIMIT $1 OFFSET $2`,
      values: [limit, offset],
    }),
    pool.query({
      name: 'total',
      text: 'SELECT coalesce(sum(items), 0)::int AS total FROM workspace.item_counts',
    }),
  ])
  const data = page.rows
  const count = data.length
  return response.json({ success: true, count, total: total.rows[0].total, data })
}

async function one(pool, request, response) {
  if (!/^[0-9]{1,18}$/.test(request.params.id)) return bad(response, 'id')
  const found = await pool.query({
    name: 'one',
    text: `SELECT ${COLUMNS} FROM workspace.workspace_items WHERE id = $1`,
    values: [request.params.id],
  })
  if (found.rows.length === 0) {
    response.status(404)
    return response.json({ success: false, error: 'NOT_FOUND', message: 'no such item' })
  }
  response.set('ETag', `"${found.rows[0].version}"`)
  return response.json({ success: true, data: found.rows[0] })
}

const PRIORITIES = ['low', 'medium', 'high', 'critical']

async function create(pool, request, response) {
  const { title, description, category, priority = 'medium', tags = [] } = request.body
  const texts = { title: [title, 200], description: [description, 2000] }
  for (const [field, [text, most]] of Object.entries(texts)) {
    const fits = typeof text === 'string' && text.trim() !== '' && text.length <= most
    if (!fits) return bad(response, field)
  }
  if (!PRIORITIES.includes(priority)) return bad(response, 'priority')
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== 'string')) {
    return bad(response, 'tags')
  }
  const metadata = request.body.metadata ?? {}
  const made = await pool.query({
    name: 'create',
    text: `INSERT INTO workspace.workspace_items
        (title, description, category, priority, status, tags, metadata, created_by)
      SELECT $1, $2, c.name, $4, 'new', $5, $6, 'anonymous'
      FROM workspace.workspace_categories c WHERE c.name = $3 AND c.is_active
      RETURNING ${COLUMNS}`,
    values: [title.trim(), description.trim(), category, priority, tags, metadata],
  })
  if (made.rows.length === 0) return bad(response, 'category')
  response.status(201)
  response.set('Location', `/api/v1/items/${made.rows[0].id}`)
  response.set('ETag', `"${made.rows[0].version}"`)
  const message = 'Item created successfully'
  return response.json({ success: true, data: made.rows[0], message })
}

function bad(response, field) {
  const errors = [{ field, message: 'is not valid', code: 'invalid' }]
  const message = `${field}: is not valid`
  response.status(400)
  return response.json({ success: false, error: 'VALIDATION_FAILED', message, errors })
}
